// SPDX-License-Identifier: BSD-3-Clause
//
// The training family (core/cpu/moments.hpp): a form linear in components, sensitivities and
// projections, and its gradient with respect to each. Sums run in one order in every run.
#pragma once

#include "prelude.cuh"
#include "training_arguments.hpp"

namespace hipnn_ts {
namespace cuda {

__device__ inline const Real* projection_row(const MomentsArguments<Real>& x, long long p) {
  return x.projections + (x.senders[p] * x.n_sensitivities + x.first[p]) * x.n_features;
}

/// One feature of the message sum_w s_w P_v.
__device__ inline Real message(const MomentsArguments<Real>& x, long long p, int feature) {
  const Real* row = projection_row(x, p) + feature;
  Real m = 0;
  for (int w = 0; w < x.count[p]; ++w) {
    m += x.sensitivities[p * x.window + w] * row[static_cast<long long>(w) * x.n_features];
  }
  return m;
}

/// One feature of a message's gradient sum_c Y_c G_c.
__device__ inline Real message_gradient(const MomentsArguments<Real>& x, long long p, int feature) {
  const Real* G = x.moments + x.receivers[p] * C * x.n_features + feature;
  Real d = 0;
  for (int c = 0; c < C; ++c) {
    d += x.components[p * C + c] * G[static_cast<long long>(c) * x.n_features];
  }
  return d;
}

/// A warp for 32 features of a receiver; blockIdx.y tells which.
KERNEL(moments, MomentsArguments<Real>) {
  const long long i = grid_warp();
  const int feature = blockIdx.y * warp_size + lane();
  if (i >= x.n_groups || feature >= x.n_features) {
    return;
  }
  Real sum[C];
  for (int c = 0; c < C; ++c) {
    sum[c] = 0;
  }
  for (long long k = x.groups.begin[i]; k < x.groups.end[i]; ++k) {
    const long long p = x.groups.pairs[k];
    const Real m = message(x, p, feature);
    for (int c = 0; c < C; ++c) {
      sum[c] += x.components[p * C + c] * m;
    }
  }
  for (int c = 0; c < C; ++c) {
    x.out[(i * C + c) * x.n_features + feature] = sum[c];
  }
}

/// A warp for each pair.
KERNEL(components_gradient, MomentsArguments<Real>) {
  const long long p = grid_warp();
  if (p >= x.n_pairs) {
    return;
  }
  const Real* G = x.moments + x.receivers[p] * C * x.n_features;
  Real sum[C];
  for (int c = 0; c < C; ++c) {
    sum[c] = 0;
  }
  for (int feature = lane(); feature < x.n_features; feature += warp_size) {
    const Real m = message(x, p, feature);
    for (int c = 0; c < C; ++c) {
      sum[c] += m * G[static_cast<long long>(c) * x.n_features + feature];
    }
  }
  for (int c = 0; c < C; ++c) {
    const Real total = warp_sum(sum[c]);
    if (lane() == 0) {
      x.out[p * C + c] = total;
    }
  }
}

/// A warp for each pair.
KERNEL(sensitivities_gradient, MomentsArguments<Real>) {
  const long long p = grid_warp();
  if (p >= x.n_pairs) {
    return;
  }
  const Real* row = projection_row(x, p);
  for (int w = 0; w < x.window; ++w) {
    Real sum = 0;
    if (w < x.count[p]) {
      for (int feature = lane(); feature < x.n_features; feature += warp_size) {
        sum += message_gradient(x, p, feature) *
               row[static_cast<long long>(w) * x.n_features + feature];
      }
    }
    sum = warp_sum(sum);
    if (lane() == 0) {
      x.out[p * x.window + w] = sum;
    }
  }
}

/// A warp for 32 features of a sender, each lane the only one at its columns.
KERNEL(projections_gradient, MomentsArguments<Real>) {
  const long long j = grid_warp();
  const int feature = blockIdx.y * warp_size + lane();
  if (j >= x.n_groups || feature >= x.n_features) {
    return;
  }
  Real* own = x.out + j * x.n_sensitivities * x.n_features + feature;
  for (int v = 0; v < x.n_sensitivities; ++v) {
    own[static_cast<long long>(v) * x.n_features] = 0;
  }
  for (long long k = x.groups.begin[j]; k < x.groups.end[j]; ++k) {
    const long long p = x.groups.pairs[k];
    const Real d = message_gradient(x, p, feature);
    Real* window = own + static_cast<long long>(x.first[p]) * x.n_features;
    for (int w = 0; w < x.count[p]; ++w) {
      window[static_cast<long long>(w) * x.n_features] += x.sensitivities[p * x.window + w] * d;
    }
  }
}

} // namespace cuda
} // namespace hipnn_ts
