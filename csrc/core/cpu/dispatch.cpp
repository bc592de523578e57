// SPDX-License-Identifier: BSD-3-Clause
#include <cstdlib>
#include <stdexcept>
#include <string>

#include "core/kernels.hpp"

namespace hipnn_ts {

#define HIPNN_TS_DECLARE(isa)                                                                      \
  namespace isa {                                                                                  \
  template <class T> const Kernels<T>& kernels(int n_components);                                  \
  }
HIPNN_TS_DECLARE(plain)
HIPNN_TS_DECLARE(avx2)
HIPNN_TS_DECLARE(avx512)

namespace {

enum class Isa { plain, avx2, avx512 };

bool supported(Isa isa) {
  switch (isa) {
    case Isa::avx512:
      return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
             __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq");
    case Isa::avx2:
      return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    default:
      return true;
  }
}

const char* name(Isa isa) {
  return isa == Isa::avx512 ? "avx512" : isa == Isa::avx2 ? "avx2" : "plain";
}

Isa choose() {
  const char* wanted = std::getenv("HIPNN_TS_ISA");
  for (const Isa isa : {Isa::avx512, Isa::avx2, Isa::plain}) {
    if (wanted ? std::string(wanted) == name(isa) : supported(isa)) {
      if (!supported(isa)) {
        throw std::runtime_error(
            std::string("HIPNN_TS_ISA=") + wanted + ": this processor does not support it");
      }
      return isa;
    }
  }
  throw std::runtime_error(
      std::string("HIPNN_TS_ISA: expected plain, avx2 or avx512, found '") + wanted + "'");
}

Isa chosen() {
  static const Isa isa = choose();
  return isa;
}

} // namespace

const char* instruction_set() {
  return name(chosen());
}

template <class T> const Kernels<T>& kernels(int n_components) {
  switch (chosen()) {
    case Isa::avx512:
      return avx512::kernels<T>(n_components);
    case Isa::avx2:
      return avx2::kernels<T>(n_components);
    default:
      return plain::kernels<T>(n_components);
  }
}

template const Kernels<float>& kernels<float>(int);
template const Kernels<double>& kernels<double>(int);

} // namespace hipnn_ts
