// SPDX-License-Identifier: BSD-3-Clause
//
// Compiled once per instruction set, with HIPNN_TS_ISA naming it. Nothing here may use inline
// library code that other files share: the linker would keep one copy, perhaps this one.
#include "core/cpu/block.hpp"
#include "core/cpu/first_block.hpp"
#include "core/cpu/geometry.hpp"
#include "core/cpu/invariants.hpp"
#include "core/cpu/moments.hpp"
#include "core/cpu/sensitivities.hpp"

namespace hipnn_ts {
namespace HIPNN_TS_ISA {

template <class T, int C>
constexpr Kernels<T> table = {
    moments<T, C, false>,
    moments<T, C, true>,
    pair_gradients<T, C, false>,
    pair_gradients<T, C, true>,
    projections_gradient<T, C, false>,
    projections_gradient<T, C, true>,
    geometry<T, C>,
    geometry_backward<T, C>,
    geometry_change<T, C>,
    geometry_double_backward<T, C>,
    invariants<T, C>,
    invariants_backward<T, C>,
    invariants_double_backward<T, C>,
    active_windows<T>,
    sensitivities<T>,
    sensitivities_backward<T>,
    sensitivities_double_backward<T>,
    forward_first<T, C>,
    backward_first<T, C>,
    only_block<T, C>,
    first_scratch_size<T, C>,
    project<T>,
    forward<T, C>,
    forward_last<T, C>,
    backward_onsite<T, C>,
    backward_senders<T, C>,
    scratch_size<T>,
};

template <class T> const Kernels<T>& kernels(int n_components) {
  switch (n_components) {
    case 1:
      return table<T, 1>;
    case 4:
      return table<T, 4>;
    default:
      return table<T, 9>;
  }
}

template const Kernels<float>& kernels<float>(int);
template const Kernels<double>& kernels<double>(int);

} // namespace HIPNN_TS_ISA
} // namespace hipnn_ts
