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
/// Shared memory that a block takes at most, so that every GPU from sm_80 on holds one or more.
constexpr int most_shared_bytes = 96 * 1024;

/// Threads that stride over n values.
inline Grid over(int64_t n) {
  return {std::min((n + element_threads - 1) / element_threads, most_blocks), element_threads};
}

/// A warp for each of n rows.
inline Grid warp_each(int64_t n, int shared_bytes = 0, int passes = 1) {
  return {(n + warps - 1) / warps, warps * warp_size, passes, shared_bytes};
}

template <class T> int64_t bytes_of(int64_t n) {
  return n * static_cast<int64_t>(sizeof(T));
}

} // namespace cuda
} // namespace hipnn_ts
