// SPDX-License-Identifier: BSD-3-Clause
//
// Compiled once per instruction set, with HIPNN_TS_ISA naming it. Nothing here may use inline
// library code that other files share: the linker would keep one copy, perhaps this one.
#include "core/cpu/block.hpp"
#include "core/cpu/first_block.hpp"
#include "core/cpu/geometry.hpp"
#include "core/cpu/invariants.hpp"
#include "core/cpu/moments.hpp"
#include "core/cpu/polynomials.hpp"
#include "core/cpu/sensitivities.hpp"

namespace hipnn_ts {
namespace HIPNN_TS_ISA {

/// By name, so that two of one type cannot change places.
template <class T, int C> constexpr Kernels<T> make_table() {
  Kernels<T> k{};
  k.moments = moments<T, C, false>;
  k.moments_change = moments<T, C, true>;
  k.pair_gradients = pair_gradients<T, C, false>;
  k.pair_gradients_change = pair_gradients<T, C, true>;
  k.projections_gradient = projections_gradient<T, C, false>;
  k.projections_gradient_change = projections_gradient<T, C, true>;
  k.geometry = geometry<T, C>;
  k.geometry_backward = geometry_backward<T, C>;
  k.geometry_change = geometry_change<T, C>;
  k.geometry_double_backward = geometry_double_backward<T, C>;
  k.invariants = invariants<T, C>;
  k.invariants_backward = invariants_backward<T, C>;
  k.invariants_double_backward = invariants_double_backward<T, C>;
  k.polynomials = polynomials<T, C>;
  k.polynomials_backward = polynomials_backward<T, C>;
  k.polynomials_double_backward = polynomials_double_backward<T, C>;
  k.active_windows = active_windows<T>;
  k.sensitivities = sensitivities<T>;
  k.sensitivities_backward = sensitivities_backward<T>;
  k.sensitivities_double_backward = sensitivities_double_backward<T>;
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
  return k;
}

template <class T, int C> constexpr Kernels<T> table = make_table<T, C>();

/// Of the order with so many components, l_max or below.
template <class T, int l_max> const Kernels<T>& kernels_up_to(int components) {
  if constexpr (l_max > 0) {
    if (components < n_components(l_max)) {
      return kernels_up_to<T, l_max - 1>(components);
    }
  }
  return table<T, n_components(l_max)>;
}

template <class T> const Kernels<T>& kernels(int components) {
  return kernels_up_to<T, max_order>(components);
}

template const Kernels<float>& kernels<float>(int);
template const Kernels<double>& kernels<double>(int);

} // namespace HIPNN_TS_ISA
} // namespace hipnn_ts
