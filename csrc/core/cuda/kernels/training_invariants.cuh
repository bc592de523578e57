// SPDX-License-Identifier: BSD-3-Clause
//
// Invariants of the moments for training, with first and second derivatives. A lane for a feature;
// a warp for invariant_atoms atoms, whose contributions to the scales' gradients it sums.
#pragma once

#include "core/norm_terms.hpp"
#include "prelude.cuh"
#include "training_arguments.hpp"

namespace hipnn_ts {
namespace cuda {

/// One feature of an atom in rows (n, C, a).
__device__ inline void read_moments(
    const TrainingInvariantsArguments<Real>& x, const Real* rows, long long atom, int feature,
    Real (&out)[C]) {
  for (int c = 0; c < C; ++c) {
    out[c] = rows[(atom * C + c) * x.n_features + feature];
  }
}

__device__ inline void write_moments(
    const TrainingInvariantsArguments<Real>& x, long long atom, int feature,
    const Real (&values)[C]) {
  for (int c = 0; c < C; ++c) {
    x.moment_gradients[(atom * C + c) * x.n_features + feature] = values[c];
  }
}

/// Its scales of each order.
__device__ inline void read_scales(
    const TrainingInvariantsArguments<Real>& x, const Real* rows, int feature,
    Real (&out)[max_order]) {
  for (int l = 0; l < l_max; ++l) {
    out[l] = rows[l * x.n_features + feature];
  }
}

/// Calls body(atom, feature, its moments, its scales, sums of the scales' gradients) for a warp's
/// atoms and writes the sums.
template <class Body>
__device__ inline void for_atoms(const TrainingInvariantsArguments<Real>& x, const Body& body) {
  const int feature = blockIdx.y * warp_size + lane();
  const long long first = grid_warp() * invariant_atoms;
  if (first >= x.n_atoms || feature >= x.n_features) {
    return;
  }
  Real t[max_order], sums[max_order] = {};
  read_scales(x, x.factors.scales, feature, t);
  for (long long i = first; i < first + invariant_atoms && i < x.n_atoms; ++i) {
    Real e[C];
    read_moments(x, x.factors.moments, i, feature, e);
    body(i, feature, e, t, sums);
  }
  for (int l = 0; x.scale_gradients && l < l_max; ++l) {
    x.scale_gradients[(l_max * grid_warp() + l) * x.n_features + feature] = sums[l];
  }
}

KERNEL(invariants, TrainingInvariantsArguments<Real>) {
  for_atoms(x, [&](long long i, int f, const Real* e, const Real* t, Real*) {
    x.out[i * x.n_features + f] = norm_invariant<l_max>(e, t, x.cusp_regularisation);
  });
}

/// Gradients with respect to moments and scales.
KERNEL(invariants_backward, TrainingInvariantsArguments<Real>) {
  for_atoms(x, [&](long long i, int f, const Real* e, const Real* t, Real* sums) {
    Real out[C];
    const Real g = x.gradient[i * x.n_features + f];
    norm_gradients<l_max>(e, t, x.cusp_regularisation, g, out, sums);
    write_moments(x, i, f, out);
  });
}

/// Gradients, with respect to the gradient and the factors, of the product of those with k.
KERNEL(invariants_double_backward, TrainingInvariantsArguments<Real>) {
  for_atoms(x, [&](long long i, int f, const Real* e, const Real* t, Real* sums) {
    Real k[C], k_t[max_order], out[C];
    read_moments(x, x.directions.moments, i, f, k);
    read_scales(x, x.directions.scales, f, k_t);
    const Real g = x.gradient[i * x.n_features + f];
    x.out[i * x.n_features + f] =
        norm_double_gradients<l_max>(e, t, x.cusp_regularisation, g, k, k_t, out, sums);
    write_moments(x, i, f, out);
  });
}

} // namespace cuda
} // namespace hipnn_ts
