// SPDX-License-Identifier: BSD-3-Clause
//
// Compiled once per instruction set, with HIPNN_TS_ISA as its name. Nothing here may use inline
// library code that other files share: the linker would keep one copy, perhaps this one.
#include "core/cpu/block.hpp"
#include "core/cpu/distances.hpp"
#include "core/cpu/first_block.hpp"
#include "core/cpu/table.hpp"

namespace hipnn_ts {
namespace HIPNN_TS_ISA {

/// Assigned by name, so that two of one type cannot be exchanged.
template <class T, int C> struct MakeKernels {
  static constexpr Kernels<T> table() {
    Kernels<T> k{};
    k.forward_first = forward_first<T, C>;
    k.backward_first = backward_first<T, C>;
    k.only_block = only_block<T, C>;
    k.first_scratch_size = first_scratch_size<T, C>;
    k.project = project<T>;
    k.forward = forward<T, C>;
    k.forward_last = forward_last<T, C>;
    k.backward_onsite = backward_onsite<T, C>;
    k.backward_senders = backward_senders<T, C>;
    k.scratch_size = scratch_size<T>;
    k.distances = distances<T>;
    return k;
  }
};

template <class T> const Kernels<T>& kernels(int n_components) {
  return table_of<Kernels, MakeKernels, T>(n_components);
}

template const Kernels<float>& kernels<float>(int);
template const Kernels<double>& kernels<double>(int);

} // namespace HIPNN_TS_ISA
} // namespace hipnn_ts
