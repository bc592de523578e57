// SPDX-License-Identifier: BSD-3-Clause
//
// The shapes of launches.
#pragma once

#include <algorithm>

#include "core/cuda/device.hpp"

namespace hipnn_ts {
namespace cuda {

constexpr int element_threads = 256;
constexpr int warps = 4; // of a block where each has a row
constexpr int64_t most_blocks = 4096;
/// Largest shared memory of a block, such that every GPU from sm_80 on can run one or more.
constexpr int most_shared_bytes = 96 * 1024;

/// Threads that stride over n values.
inline Grid over(int64_t n) {
  return {std::min((n + element_threads - 1) / element_threads, most_blocks), element_threads};
}

/// A warp for each of n rows.
inline Grid warp_each(int64_t n, int shared_bytes = 0, int passes = 1) {
  return {(n + warps - 1) / warps, warps * warp_size, passes, shared_bytes};
}

/// For kernels over groups of pairs; `share` as in PairArguments.
inline Grid group_each(int64_t n, int share, int shared_bytes, int passes = 1) {
  return warp_each(n * share, shared_bytes, passes);
}

template <class T> int64_t bytes_of(int64_t n) {
  return n * static_cast<int64_t>(sizeof(T));
}

} // namespace cuda
} // namespace hipnn_ts
