// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "prelude.cuh"

namespace hipnn_ts {
namespace cuda {

/// Adds sign times the gradients of this lane's entries of a group.
__device__ inline void add_group(
    const Groups& groups, long long group, const Real* gradients, double sign, double (&sum)[3]) {
  for (long long k = groups.begin[group] + lane(); k < groups.end[group]; k += warp_size) {
    const long long p = pair_at(groups, k);
    for (int d = 0; d < 3; ++d) {
      sum[d] += sign * static_cast<double>(gradients[3 * p + d]);
    }
  }
}

/// A warp for each atom: in double precision and in one order, so that rounding leaves no net
/// force.
KERNEL(sum_forces, ForcesArguments<Real>) {
  const long long i = grid_warp();
  if (i >= x.n_atoms) {
    return;
  }
  double sum[3] = {0, 0, 0};
  if (i < x.n_receivers) {
    add_group(x.by_receiver, i, x.vector_gradients, 1, sum);
  }
  add_group(x.by_sender, i, x.vector_gradients, -1, sum);
  for (int d = 0; d < 3; ++d) {
    sum[d] = warp_sum(sum[d]);
    if (lane() == 0) {
      x.forces[3 * i + d] = x.scale * sum[d];
    }
  }
}

KERNEL(narrow, NarrowArguments) {
  for (long long p = grid_thread(); p < x.n; p += grid_threads()) {
    const bool inside = x.in[p] >= 0 && x.in[p] < x.limit;
    x.out[p] = inside ? static_cast<int>(x.in[p]) : 0;
    if (!inside) {
      *x.flag = 1; // all threads that write, write the same value
    }
  }
}

KERNEL(poison, PoisonArguments) {
  for (long long i = grid_thread(); i < x.n; i += grid_threads()) {
    if (*x.flag) {
      x.values[i] = not_a_number();
    }
  }
}

} // namespace cuda
} // namespace hipnn_ts
