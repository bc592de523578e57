// SPDX-License-Identifier: BSD-3-Clause
//
// Energies and virials from atomic energies and pair gradients, in double precision and in one
// order. A pair's virial is -r_p (x) g_p.
#pragma once

#include "prelude.cuh"
#include "rank_arguments.hpp"

namespace hipnn_ts {
namespace cuda {

KERNEL(add_self_energies, AddSelfEnergiesArguments) {
  for (long long i = grid_thread(); i < x.n; i += grid_threads()) {
    x.energies[i] += x.table[x.species[i]];
  }
}

/// Component c of xx yy zz xy xz yz yx zx zy.
__device__ inline double virial_component(const Real* r, const Real* g, int c) {
  const int first = c < 3 ? c : c == 3 || c == 4 ? 0 : c < 7 ? 1 : 2;
  const int second = c < 3 ? c : c == 3 ? 1 : c == 4 || c == 5 ? 2 : c == 8 ? 1 : 0;
  return -static_cast<double>(r[first]) * static_cast<double>(g[second]);
}

/// Adds n components of this lane's entries of a group.
template <int n>
__device__ inline void add_virials(
    const Groups& groups, long long group, const Real* vectors, const Real* gradients,
    double (&sum)[n]) {
  for (long long k = groups.begin[group] + lane(); k < groups.end[group]; k += warp_size) {
    const long long p = pair_at(groups, k);
#pragma unroll
    for (int c = 0; c < n; ++c) {
      sum[c] += virial_component(vectors + 3 * p, gradients + 3 * p, c);
    }
  }
}

/// Warps stride over receivers; a block writes its sum.
KERNEL(sum_results, SumResultsArguments<Real>) {
  DYNAMIC_SHARED(shared);
  double* sums = reinterpret_cast<double*>(shared); // (warps, n_sums)
  const long long n_warps = grid_threads() / warp_size;
  double energy = 0, virial[6] = {0, 0, 0, 0, 0, 0};
  for (long long i = grid_warp(); i < x.n_receivers; i += n_warps) {
    energy += x.energies[i];
    add_virials(x.by_receiver, i, x.vectors, x.vector_gradients, virial);
  }
  for (int c = 0; c < n_sums; ++c) {
    const double sum = c == 0 ? energy : warp_sum(virial[c > 0 ? c - 1 : 0]);
    if (lane() == 0) {
      sums[warp() * n_sums + c] = sum;
    }
  }
  __syncthreads();
  if (threadIdx.x < n_sums) {
    double sum = 0;
    for (unsigned w = 0; w < blockDim.x / warp_size; ++w) {
      sum += sums[w * n_sums + threadIdx.x];
    }
    x.partial[static_cast<long long>(blockIdx.x) * n_sums + threadIdx.x] = sum;
  }
}

/// One warp.
KERNEL(total_results, TotalResultsArguments) {
  for (int c = 0; c < n_sums; ++c) {
    double sum = 0;
    for (long long b = lane(); b < x.n_partial; b += warp_size) {
      sum += x.partial[b * n_sums + c];
    }
    sum = warp_sum(sum);
    if (lane() == 0) {
      x.sums[c] = sum;
    }
  }
  if (lane() == 0) {
    x.sums[sum_close] = *x.close;
    x.sums[sum_wrong] = *x.wrong;
  }
}

/// A warp for each row.
KERNEL(row_virials, RowVirialsArguments<Real>) {
  const long long row = grid_warp();
  if (row >= x.n_rows) {
    return;
  }
  double sum[6] = {0, 0, 0, 0, 0, 0};
  if (row < x.n_receivers) {
    add_virials(x.by_receiver, row, x.vectors, x.vector_gradients, sum);
  }
  add_virials(x.by_sender, row, x.vectors, x.vector_gradients, sum);
  for (int c = 0; c < 6; ++c) {
    const double virial = warp_sum(sum[c]);
    if (lane() == 0) {
      x.virials[6 * row + c] = 0.5 * virial;
    }
  }
}

KERNEL(row_centroid_virials, RowVirialsArguments<Real>) {
  const long long row = grid_warp();
  if (row >= x.n_rows) {
    return;
  }
  double sum[9] = {0, 0, 0, 0, 0, 0, 0, 0, 0};
  add_virials(x.by_sender, row, x.vectors, x.vector_gradients, sum);
  for (int c = 0; c < 9; ++c) {
    const double virial = warp_sum(sum[c]);
    if (lane() == 0) {
      x.virials[9 * row + c] = virial;
    }
  }
}

} // namespace cuda
} // namespace hipnn_ts
