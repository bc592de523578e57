// SPDX-License-Identifier: BSD-3-Clause
//
// The on-site layers of a tile of a block's receivers, between its moments and their gradients.
#pragma once

#include "core/cpu/onsite.hpp"
#include "core/cpu/threads.hpp"

namespace hipnn_ts {
namespace HIPNN_TS_ISA {

/// The part of their scratch before that of the invariants.
template <class T> inline int64_t tiles_scratch_size(const BlockWeights<T>& w) {
  return int64_t{max_tile_size} * ((w.n_atom_layers + 2) * int64_t{w.n_middle} + w.n_out);
}
template <class T> inline T* mixing_scratch(const BlockWeights<T>& w, T* scratch) {
  return scratch + tiles_scratch_size(w);
}
template <class T> inline int64_t onsite_scratch_size(const BlockWeights<T>& w) {
  return tiles_scratch_size(w) + mixing_scratch_size(w);
}

/// Forward pass of the `n` receivers from `first` on, given their moments (n, C, n_middle); stores
/// what the backward pass needs.
template <class T, int C>
inline void
tile_forward_kept(const BlockProblem<T>& x, int64_t first, int n, const T* moments, T* scratch) {
  const BlockWeights<T>& w = *x.weights;
  tile_forward<T, C>(
      w, n, moments, x.features + first * w.n_in, x.out + first * w.n_out, scratch,
      x.slopes + first * w.n_middle, x.n_receivers * w.n_middle, x.energies + first,
      mixing_scratch(w, scratch));
}

/// Backward pass after that: moments become their gradients.
template <class T, int C>
inline void
tile_backward_kept(const BlockProblem<T>& x, int64_t first, int n, T* moments, T* scratch) {
  const BlockWeights<T>& w = *x.weights;
  T* d = x.out + first * w.n_out;
  add_readout(w, n, d);
  tile_backward<T, C>(
      w, n, moments, d, scratch, x.slopes + first * w.n_middle, x.n_receivers * w.n_middle,
      x.feature_gradients ? x.feature_gradients + first * w.n_in : nullptr,
      mixing_scratch(w, scratch));
}

/// Both at once, for the last block.
template <class T, int C>
inline void
tile_forward_backward(const BlockProblem<T>& x, int64_t first, int n, T* moments, T* scratch) {
  const BlockWeights<T>& w = *x.weights;
  const int64_t stride = int64_t{x.tile_size} * w.n_middle;
  T* slopes = scratch + stride;
  T* out = slopes + stride * (w.n_atom_layers + 1);
  tile_forward<T, C>(
      w, n, moments, x.features + first * w.n_in, out, scratch, slopes, stride, x.energies + first,
      mixing_scratch(w, scratch));
  if (x.out) {
    std::memcpy(x.out + first * w.n_out, out, sizeof(T) * n * w.n_out);
  }
  std::memset(out, 0, sizeof(T) * n * w.n_out);
  add_readout(w, n, out);
  tile_backward<T, C>(
      w, n, moments, out, scratch, slopes, stride,
      x.feature_gradients ? x.feature_gradients + first * w.n_in : nullptr,
      mixing_scratch(w, scratch));
}

/// Threads do not share cache lines.
template <class T> inline int64_t whole_cache_lines(int64_t size) {
  constexpr int64_t line = 64 / sizeof(T);
  return (size + line - 1) / line * line;
}

} // namespace HIPNN_TS_ISA
} // namespace hipnn_ts
