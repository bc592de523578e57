// SPDX-License-Identifier: BSD-3-Clause
#include "core/cpu/instruction_sets.hpp"
#include "core/kernels.hpp"

namespace hipnn_ts {

#define HIPNN_TS_DECLARE(isa)                                                                      \
  namespace isa {                                                                                  \
  template <class T> const Kernels<T>& kernels(int n_components);                                  \
  }
HIPNN_TS_FOR_EACH_ISA(HIPNN_TS_DECLARE)

template <class T> const Kernels<T>& kernels(int n_components) {
  using Tables = const Kernels<T>& (*)(int);
#define HIPNN_TS_TABLES(isa) isa::kernels<T>,
  static constexpr Tables tables[] = {HIPNN_TS_FOR_EACH_ISA(HIPNN_TS_TABLES)};
  return tables[chosen_instruction_set()](n_components);
}

template const Kernels<float>& kernels<float>(int);
template const Kernels<double>& kernels<double>(int);

} // namespace hipnn_ts
