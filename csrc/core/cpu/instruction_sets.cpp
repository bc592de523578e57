// SPDX-License-Identifier: BSD-3-Clause
#include "core/cpu/instruction_sets.hpp"

#include <cstdlib>
#include <stdexcept>
#include <string>

namespace hipnn_ts {

namespace {

struct InstructionSet {
  const char* name;
  bool supported;
};

#define HIPNN_TS_SUPPORTED(isa) bool supports_##isa();
HIPNN_TS_FOR_EACH_ISA(HIPNN_TS_SUPPORTED)

#if defined(__x86_64__)
bool supports_plain() {
  return true;
}
bool supports_avx2() {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}
bool supports_avx512() {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq");
}
#elif defined(__aarch64__)
bool supports_neon() {
  return true; // a part of the architecture
}
#else
bool supports_plain() {
  return true;
}
#endif

const std::vector<InstructionSet>& all() {
#define HIPNN_TS_ENTRY(isa) {#isa, supports_##isa()},
  static const std::vector<InstructionSet> sets = {HIPNN_TS_FOR_EACH_ISA(HIPNN_TS_ENTRY)};
  return sets;
}

/// "plain, avx2 or avx512"
std::string names() {
  std::string out;
  const int n = static_cast<int>(all().size());
  for (int k = 0; k < n; ++k) {
    out += k == 0 ? "" : k + 1 == n ? " or " : ", ";
    out += all()[k].name;
  }
  return out;
}

int choose() {
  const char* wanted = std::getenv("HIPNN_TS_ISA");
  for (int k = static_cast<int>(all().size()) - 1; k >= 0; --k) {
    const auto& [name, supported] = all()[k];
    if (wanted ? std::string(wanted) == name : supported) {
      if (!supported) {
        throw std::runtime_error(
            std::string("HIPNN_TS_ISA=") + wanted + ": this processor does not support it");
      }
      return k;
    }
  }
  throw std::runtime_error("HIPNN_TS_ISA: expected " + names() + ", found '" + wanted + "'");
}

} // namespace

int chosen_instruction_set() {
  static const int chosen = choose();
  return chosen;
}

const char* instruction_set() {
  return all()[chosen_instruction_set()].name;
}

std::vector<const char*> instruction_sets() {
  std::vector<const char*> out;
  for (const auto& [name, supported] : all()) {
    if (supported) {
      out.push_back(name);
    }
  }
  return out;
}

} // namespace hipnn_ts
