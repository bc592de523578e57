// SPDX-License-Identifier: BSD-3-Clause
//
// Invariants of a lane's moments and the gradients with respect to them.
#pragma once

#include "core/norm_terms.hpp"
#include "prelude.cuh"

namespace hipnn_ts {
namespace cuda {

__device__ inline Lane
invariants(const Lane (&E)[C], const InvariantArguments<Real>& x, int feature_begin) {
  Lane out = E[0];
  for_orders<1, l_max>([&](auto order) {
    const Lane t = fetch(x.scales[order.l - 1] + feature_begin);
    for (int k = 0; k < LANE_FEATURES; ++k) {
      out.v[k] += t.v[k] * regularised_norm(order, [&](int c) { return E[c].v[k]; }, x.epsilon);
    }
  });
  return out;
}

/// E becomes the gradient with respect to it, in the form of `write_reduced` (core/components.hpp),
/// given that of the invariants. Padded features have no scale: they must not divide zero by zero.
__device__ inline void invariants_backward(
    Lane (&E)[C], const InvariantArguments<Real>& x, int feature_begin, const Lane& gradient) {
  E[0] = gradient;
  for_orders<1, l_max>([&](auto order) {
    const Lane t = fetch(x.scales[order.l - 1] + feature_begin);
    for (int k = 0; k < LANE_FEATURES; ++k) {
      const auto at = [&](int c) -> Real& { return E[c].v[k]; };
      const Real g = gradient.v[k] * t.v[k];
      const Real scale = g == 0 ? Real(0) : g / regularised_norm(order, at, x.epsilon);
      write_half_gradient(order, scale, at, at);
    }
  });
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
