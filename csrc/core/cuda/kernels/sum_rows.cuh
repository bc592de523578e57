// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "prelude.cuh"
#include "training_arguments.hpp"

namespace hipnn_ts {
namespace cuda {

/// A block for each column; sums have the same order in every run.
KERNEL(sum_rows, SumRowsArguments<Real>) {
  const long long column = blockIdx.x;
  Real* out = x.out[column / x.n];
  if (!out) {
    return;
  }
  Real sum = 0;
  for (long long row = threadIdx.x; row < x.rows; row += blockDim.x) {
    sum += x.parts[row * x.n_arrays * x.n + column];
  }
  DYNAMIC_SHARED(row_sums);
  Real* warps = reinterpret_cast<Real*>(row_sums);
  sum = warp_sum(sum);
  if (lane() == 0) {
    warps[warp()] = sum;
  }
  __syncthreads();
  if (threadIdx.x == 0) {
    Real total = 0;
    for (int w = 0; w < static_cast<int>(blockDim.x) / warp_size; ++w) {
      total += warps[w];
    }
    out[column % x.n] = total;
  }
}

} // namespace cuda
} // namespace hipnn_ts
