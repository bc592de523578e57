// SPDX-License-Identifier: BSD-3-Clause
#include "core/cpu/instruction_sets.hpp"
#include "core/training_kernels.hpp"

namespace hipnn_ts {

#define HIPNN_TS_DECLARE(isa)                                                                      \
  namespace isa {                                                                                  \
  template <class T> const TrainingKernels<T>& training_kernels(int n_components);                 \
  }
HIPNN_TS_FOR_EACH_ISA(HIPNN_TS_DECLARE)

template <class T> const TrainingKernels<T>& training_kernels(int n_components) {
  using Tables = const TrainingKernels<T>& (*)(int);
#define HIPNN_TS_TABLES(isa) isa::training_kernels<T>,
  static constexpr Tables tables[] = {HIPNN_TS_FOR_EACH_ISA(HIPNN_TS_TABLES)};
  return tables[chosen_instruction_set()](n_components);
}

template const TrainingKernels<float>& training_kernels<float>(int);
template const TrainingKernels<double>& training_kernels<double>(int);

} // namespace hipnn_ts
