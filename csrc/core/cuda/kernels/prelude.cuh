// SPDX-License-Identifier: BSD-3-Clause
//
// Definitions that all kernels share. The build defines Real, N_COMPONENTS, N_SENSITIVITIES,
// N_FEATURES (A), LANE_FEATURES and MAX_WINDOW: Constants in core/cuda/device.hpp.
#pragma once

#include "arguments.hpp"
#include "core/components.hpp"
#include "reals.cuh"

namespace hipnn_ts {
namespace cuda {

constexpr int C = N_COMPONENTS;
constexpr int l_max = order_of(C); // -1: only the moments are available
constexpr int V = N_SENSITIVITIES;
constexpr int A = N_FEATURES;
constexpr int F = LANE_FEATURES * warp_size; // features of one pass

// The tests compile these files for the CPU and define these two themselves.
#ifndef KERNEL
#define KERNEL(name, Arguments)                                                                    \
  extern "C" __global__ void __launch_bounds__(max_threads) name(const Arguments x)
#define DYNAMIC_SHARED(name) extern __shared__ __align__(16) unsigned char name[]
#endif

constexpr unsigned all_lanes = 0xffffffffu;

__device__ inline int lane() {
  return threadIdx.x % warp_size;
}

__device__ inline int warp() {
  return threadIdx.x / warp_size;
}

/// Index of this warp in the grid.
__device__ inline long long grid_warp() {
  return static_cast<long long>(blockIdx.x) * (blockDim.x / warp_size) + warp();
}

__device__ inline long long grid_thread() {
  return static_cast<long long>(blockIdx.x) * blockDim.x + threadIdx.x;
}

__device__ inline long long grid_threads() {
  return static_cast<long long>(gridDim.x) * blockDim.x;
}

__device__ inline long long pair_at(const Groups& groups, long long entry) {
  return groups.pairs ? groups.pairs[entry] : entry;
}

/// A lane's features: LANE_FEATURES consecutive ones of a row.
using Lane = Reals<LANE_FEATURES>;

__device__ inline Lane load(const Real* row) {
  return Lane::load(row + lane() * LANE_FEATURES);
}

__device__ inline Lane fetch(const Real* row) {
  return Lane::fetch(row + lane() * LANE_FEATURES);
}

__device__ inline void store(const Lane& x, Real* row) {
  x.store(row + lane() * LANE_FEATURES);
}

__device__ inline double not_a_number() {
  return 0.0 / 0.0;
}

template <class T> __device__ inline T warp_sum(T value) {
  for (int step = warp_size / 2; step > 0; step /= 2) {
    value += __shfl_xor_sync(all_lanes, value, step);
  }
  return value;
}

/// Four sums over all lanes in six exchanges: lanes 0 to 7 get the first, 8 to 15 the second, ...
__device__ inline Real warp_sums(Real first, Real second, Real third, Real fourth) {
  const auto halve = [](Real low, Real high, int step) {
    const bool upper = (lane() & step) != 0;
    return (upper ? high : low) + __shfl_xor_sync(all_lanes, upper ? low : high, step);
  };
  const Real low = halve(first, third, 16), high = halve(second, fourth, 16);
  Real sum = halve(low, high, 8);
  for (int step = 4; step > 0; step /= 2) {
    sum += __shfl_xor_sync(all_lanes, sum, step);
  }
  return sum;
}

} // namespace cuda
} // namespace hipnn_ts
