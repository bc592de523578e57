// SPDX-License-Identifier: BSD-3-Clause
//
// Invariants of the moments for training, with first and second derivatives: the formulae are those
// of core/cpu/invariants.hpp. A lane for a feature; a warp for invariant_atoms atoms, whose shares
// of the scales' gradients it sums.
#pragma once

#include "prelude.cuh"
#include "training_arguments.hpp"

namespace hipnn_ts {
namespace cuda {

/// Half the gradient of |E2|^2 = 2 (xx^2 + xy^2 + xz^2 + yy^2 + yz^2 + xx yy); linear.
__device__ inline void halved(const Real* e2, Real* out) {
  out[0] = 2 * e2[0] + e2[3];
  out[1] = 2 * e2[1];
  out[2] = 2 * e2[2];
  out[3] = 2 * e2[3] + e2[0];
  out[4] = 2 * e2[4];
}

constexpr int C_padded = C < 9 ? 9 : C; // components that do not exist are zero

/// The moments of one feature of an atom, and their norms' inverses.
struct AtomMoments {
  Real e[C_padded], half[5], n1, n2;

  __device__ AtomMoments(
      const TrainingInvariantsArguments<Real>& x, const Real* moments, long long atom,
      int feature) {
    read(x, moments, atom, feature, e);
    n1 = 1 / sqrt(e[1] * e[1] + e[2] * e[2] + e[3] * e[3] + x.cusp_regularisation);
    halved(e + 4, half);
    Real square = x.cusp_regularisation;
    for (int c = 0; c < 5; ++c) {
      square += e[4 + c] * half[c];
    }
    n2 = 1 / sqrt(square);
  }

  static __device__ void read(
      const TrainingInvariantsArguments<Real>& x, const Real* moments, long long atom, int feature,
      Real* out) {
#pragma unroll
    for (int c = 0; c < C_padded; ++c) {
      out[c] = c < C ? moments[(atom * C + c) * x.n_features + feature] : Real(0);
    }
  }
};

/// Calls body(atom, feature, sums of the two scales' gradients) for a warp's atoms and writes the
/// sums.
template <class Body>
__device__ inline void for_atoms(const TrainingInvariantsArguments<Real>& x, const Body& body) {
  const int feature = blockIdx.y * warp_size + lane();
  const long long first = grid_warp() * invariant_atoms;
  if (first >= x.n_atoms || feature >= x.n_features) {
    return;
  }
  Real sums[2] = {0, 0};
  for (long long i = first; i < first + invariant_atoms && i < x.n_atoms; ++i) {
    body(i, feature, sums);
  }
  if (x.scale_gradients) {
    x.scale_gradients[2 * grid_warp() * x.n_features + feature] = sums[0];
    x.scale_gradients[(2 * grid_warp() + 1) * x.n_features + feature] = sums[1];
  }
}

__device__ inline Real scale_at(const Real* scales, int feature) {
  return scales ? scales[feature] : Real(0);
}

KERNEL(invariants, TrainingInvariantsArguments<Real>) {
  for_atoms(x, [&](long long i, int f, Real*) {
    const AtomMoments m(x, x.factors.moments, i, f);
    Real sum = m.e[0];
    if (C >= 4) {
      sum += x.factors.vector_scales[f] / m.n1;
    }
    if (C >= 9) {
      sum += x.factors.tensor_scales[f] / m.n2;
    }
    x.out[i * x.n_features + f] = sum;
  });
}

/// Gradients with respect to moments and scales.
KERNEL(invariants_backward, TrainingInvariantsArguments<Real>) {
  for_atoms(x, [&](long long i, int f, Real* sums) {
    const AtomMoments m(x, x.factors.moments, i, f);
    const Real g = x.gradient[i * x.n_features + f];
    Real* out = x.moment_gradients + i * C * x.n_features + f;
    out[0] = g;
    if (C >= 4) {
      const Real scale = g * x.factors.vector_scales[f] * m.n1;
      for (int c = 1; c < 4; ++c) {
        out[c * x.n_features] = scale * m.e[c];
      }
      sums[0] += g / m.n1;
    }
    if (C >= 9) {
      const Real scale = g * x.factors.tensor_scales[f] * m.n2;
      for (int c = 0; c < 5; ++c) {
        out[(4 + c) * x.n_features] = scale * m.half[c];
      }
      sums[1] += g / m.n2;
    }
  });
}

/// Gradients, with respect to the gradient and the factors, of the product of those with k.
KERNEL(invariants_double_backward, TrainingInvariantsArguments<Real>) {
  for_atoms(x, [&](long long i, int f, Real* sums) {
    const AtomMoments m(x, x.factors.moments, i, f);
    Real k[C_padded];
    AtomMoments::read(x, x.directions.moments, i, f, k);
    const Real g = x.gradient[i * x.n_features + f];
    Real* out = x.moment_gradients + i * C * x.n_features + f;
    Real change = k[0];
    out[0] = 0;
    if (C >= 4) {
      const Real t = x.factors.vector_scales[f], k_t = scale_at(x.directions.vector_scales, f);
      const Real along = k[1] * m.e[1] + k[2] * m.e[2] + k[3] * m.e[3];
      change += t * along * m.n1 + k_t / m.n1;
      sums[0] += g * along * m.n1;
      const Real scale = (k_t - t * along * m.n1 * m.n1) * m.n1;
      for (int c = 1; c < 4; ++c) {
        out[c * x.n_features] = g * (t * m.n1 * k[c] + scale * m.e[c]);
      }
    }
    if (C >= 9) {
      const Real t = x.factors.tensor_scales[f], k_t = scale_at(x.directions.tensor_scales, f);
      Real k_half[5], along = 0;
      halved(k + 4, k_half);
      for (int c = 0; c < 5; ++c) {
        along += k[4 + c] * m.half[c];
      }
      change += t * along * m.n2 + k_t / m.n2;
      sums[1] += g * along * m.n2;
      const Real scale = (k_t - t * along * m.n2 * m.n2) * m.n2;
      for (int c = 0; c < 5; ++c) {
        out[(4 + c) * x.n_features] = g * (t * m.n2 * k_half[c] + scale * m.half[c]);
      }
    }
    x.out[i * x.n_features + f] = change;
  });
}

} // namespace cuda
} // namespace hipnn_ts
