// SPDX-License-Identifier: BSD-3-Clause
//
// Invariants of a lane's moments and the gradients with respect to them.
#pragma once

#include "prelude.cuh"

namespace hipnn_ts {
namespace cuda {

template <int first, int last> __device__ inline Real sum_of_squares(const Lane (&E)[C], int k) {
  Real sum = 0;
  for (int c = first; c < last; ++c) {
    sum += E[c].v[k] * E[c].v[k];
  }
  return sum;
}

__device__ inline Real vector_norm(const Lane (&E)[C], int k, Real epsilon) {
  return sqrt(sum_of_squares<1, 4>(E, k) + epsilon);
}

/// |E2|^2 = xx^2 + yy^2 + (xx + yy)^2 + 2 (xy^2 + xz^2 + yz^2)
__device__ inline Real tensor_norm(const Lane (&E)[C], int k, Real epsilon) {
  return sqrt(2 * (sum_of_squares<4, 9>(E, k) + E[4].v[k] * E[7].v[k]) + epsilon);
}

__device__ inline Lane
invariants(const Lane (&E)[C], const InvariantArguments<Real>& x, int feature_begin) {
  Lane out = E[0];
  if constexpr (C >= 4) {
    const Lane t = fetch(x.vector_scales + feature_begin);
    for (int k = 0; k < LANE_FEATURES; ++k) {
      out.v[k] += t.v[k] * vector_norm(E, k, x.epsilon);
    }
  }
  if constexpr (C >= 9) {
    const Lane t = fetch(x.tensor_scales + feature_begin);
    for (int k = 0; k < LANE_FEATURES; ++k) {
      out.v[k] += t.v[k] * tensor_norm(E, k, x.epsilon);
    }
  }
  return out;
}

/// E becomes the gradient with respect to it, in the form that Kernels::backward_senders reads,
/// given that of the invariants. Padding has no scale: it must not divide zero by zero.
__device__ inline void invariants_backward(
    Lane (&E)[C], const InvariantArguments<Real>& x, int feature_begin, const Lane& gradient) {
  Lane value = gradient;
  if constexpr (C >= 4) {
    const Lane t = fetch(x.vector_scales + feature_begin);
    for (int k = 0; k < LANE_FEATURES; ++k) {
      const Real g = gradient.v[k] * t.v[k];
      const Real scale = g == 0 ? Real(0) : g / vector_norm(E, k, x.epsilon);
      for (int c = 1; c < 4; ++c) {
        E[c].v[k] *= scale;
      }
    }
  }
  if constexpr (C >= 9) {
    const Lane t = fetch(x.tensor_scales + feature_begin);
    for (int k = 0; k < LANE_FEATURES; ++k) {
      const Real g = gradient.v[k] * t.v[k];
      const Real scale = g == 0 ? Real(0) : g / tensor_norm(E, k, x.epsilon);
      const Real xx = E[4].v[k], yy = E[7].v[k];
      value.v[k] -= scale * (xx + yy);
      E[4].v[k] = scale * (2 * xx + yy);
      E[5].v[k] *= scale;
      E[6].v[k] *= scale;
      E[7].v[k] = scale * (2 * yy + xx);
      E[8].v[k] *= scale;
    }
  }
  E[0] = value;
}

// A warp for the F features of one pass of one atom; blockIdx.y is the pass.

KERNEL(moment_invariants, MomentInvariantsArguments<Real>) {
  const long long i = grid_warp();
  if (i >= x.n) {
    return;
  }
  const int begin = blockIdx.y * F;
  Lane E[C];
  for (int c = 0; c < C; ++c) {
    E[c] = fetch(x.moments + (i * C + c) * A + begin);
  }
  store(invariants(E, x.invariants, begin), x.out + i * A + begin);
}

KERNEL(moment_gradients, MomentGradientArguments<Real>) {
  const long long i = grid_warp();
  if (i >= x.n) {
    return;
  }
  const int begin = blockIdx.y * F;
  Real* own = x.moments + i * C * A + begin;
  Lane E[C];
  for (int c = 0; c < C; ++c) {
    E[c] = load(own + c * A);
  }
  invariants_backward(E, x.invariants, begin, fetch(x.out_gradients + i * A + begin));
  for (int c = 0; c < C; ++c) {
    store(E[c], own + c * A);
  }
}

} // namespace cuda
} // namespace hipnn_ts
