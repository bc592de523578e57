// SPDX-License-Identifier: BSD-3-Clause
//
// Compiled once per instruction set, with HIPNN_TS_ISA as its name. Nothing here may use inline
// library code that other files share: the linker would keep one copy, perhaps this one.
#include "core/cpu/geometry.hpp"
#include "core/cpu/invariants.hpp"
#include "core/cpu/moments.hpp"
#include "core/cpu/sensitivities.hpp"
#include "core/cpu/table.hpp"
#include "core/cpu/training_polynomials.hpp"

namespace hipnn_ts {
namespace HIPNN_TS_ISA {

/// Assigned by name, so that two of one type cannot be exchanged.
template <class T, int C> struct MakeTrainingKernels {
  static constexpr TrainingKernels<T> table() {
    TrainingKernels<T> k{};
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
    return k;
  }
};

template <class T> const TrainingKernels<T>& training_kernels(int n_components) {
  return table_of<TrainingKernels, MakeTrainingKernels, T>(n_components);
}

template const TrainingKernels<float>& training_kernels<float>(int);
template const TrainingKernels<double>& training_kernels<double>(int);

} // namespace HIPNN_TS_ISA
} // namespace hipnn_ts
