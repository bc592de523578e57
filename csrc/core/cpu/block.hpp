// SPDX-License-Identifier: BSD-3-Clause
//
// Blocks for inference, tile by tile: what one stage leaves, the next one finds in cache.
#pragma once

#include "core/cpu/interaction.hpp"
#include "core/cpu/onsite.hpp"
#include "core/cpu/threads.hpp"

namespace hipnn_ts {
namespace HIPNN_TS_ISA {

/// Where the projections of a sender begin.
template <class T> inline int64_t projections_of(const BlockProblem<T>& x, int64_t sender) {
  return x.projection_rows[sender] * int64_t{x.weights->projection.n_out};
}

template <class T, int C> inline T* moments_of(const BlockProblem<T>& x, int64_t receiver) {
  return x.moments + x.moment_rows[receiver] * int64_t{C} * x.weights->n_middle;
}

template <class T> void project(const BlockProblem<T>& x, TileList senders) {
  const Linear<T>& w = x.weights->projection;
  for_tiles(x, senders, x.n_atoms, [&](int64_t first, int n, const Thread<T>& thread) {
    const StageSpan span(thread.seconds, Stage::projections);
    linear(w, n, x.features + first * w.n_in, x.projected + projections_of(x, first), false);
  });
}

template <class T, int C>
inline void
tile_moments(const BlockProblem<T>& x, int64_t first, int n, const Thread<T>& thread, T* moments) {
  const StageSpan span(thread.seconds, Stage::forward_pairs);
  PairTile<T> tile(x.weights->radial, thread.scratch);
  for (int i = 0; i < n; ++i) {
    receiver_forward<T, C>(x, first + i, tile, moments + int64_t{i} * C * x.weights->n_middle);
  }
}

template <class T, int C> void forward(const BlockProblem<T>& x, TileList receivers) {
  const BlockWeights<T>& w = *x.weights;
  for_tiles(x, receivers, x.n_receivers, [&](int64_t i, int n, const Thread<T>& thread) {
    T* moments = moments_of<T, C>(x, i);
    tile_moments<T, C>(x, i, n, thread, moments);
    const StageSpan span(thread.seconds, Stage::onsite);
    tile_forward<T, C>(
        w, n, moments, x.features + i * w.n_in, x.out + i * w.n_out, thread.scratch,
        x.slopes + i * w.n_middle, x.n_receivers * w.n_middle, x.energies + i);
  });
}

template <class T, int C> void forward_last(const BlockProblem<T>& x, TileList receivers) {
  const BlockWeights<T>& w = *x.weights;
  const int64_t stride = int64_t{x.tile_size} * w.n_middle;
  for_tiles(x, receivers, x.n_receivers, [&](int64_t i, int n, const Thread<T>& thread) {
    T* moments = moments_of<T, C>(x, i);
    tile_moments<T, C>(x, i, n, thread, moments);
    const StageSpan span(thread.seconds, Stage::onsite);
    T* hidden = thread.scratch;
    T* slopes = hidden + stride;
    T* out = slopes + stride * (w.n_atom_layers + 1);
    tile_forward<T, C>(
        w, n, moments, x.features + i * w.n_in, out, hidden, slopes, stride, x.energies + i);
    std::memset(out, 0, sizeof(T) * n * w.n_out);
    add_readout(w, n, out);
    tile_backward<T, C>(
        w, n, moments, out, hidden, slopes, stride,
        x.feature_gradients ? x.feature_gradients + i * w.n_in : nullptr);
  });
}

template <class T, int C>
inline void
tile_backward_onsite(const BlockProblem<T>& x, int64_t i, int n, const Thread<T>& thread) {
  const StageSpan span(thread.seconds, Stage::onsite);
  const BlockWeights<T>& w = *x.weights;
  T* d = x.out + i * w.n_out;
  add_readout(w, n, d);
  tile_backward<T, C>(
      w, n, moments_of<T, C>(x, i), d, thread.scratch, x.slopes + i * w.n_middle,
      x.n_receivers * w.n_middle, x.feature_gradients ? x.feature_gradients + i * w.n_in : nullptr);
}

template <class T, int C> void backward_onsite(const BlockProblem<T>& x, TileList receivers) {
  for_tiles(x, receivers, x.n_receivers, [&](int64_t first, int n, const Thread<T>& thread) {
    tile_backward_onsite<T, C>(x, first, n, thread);
  });
}

template <class T, int C>
void backward_first(const BlockProblem<T>& x, TileList receivers, bool onsite) {
  for_tiles(x, receivers, x.n_receivers, [&](int64_t first, int n, const Thread<T>& thread) {
    if (onsite) {
      tile_backward_onsite<T, C>(x, first, n, thread);
    }
    const StageSpan span(thread.seconds, Stage::backward_pairs);
    PairTile<T> tile(x.weights->radial, thread.scratch);
    for (int i = 0; i < n; ++i) {
      receiver_backward<T, C>(x, first + i, tile, moments_of<T, C>(x, first + i));
    }
  });
}

/// The gradient of a tile's projections is contracted with the weights while it is in cache.
template <class T, int C>
void backward_senders(const BlockProblem<T>& x, TileList senders, bool project) {
  const Linear<T>& w = x.weights->projection;
  for_tiles(x, senders, x.n_atoms, [&](int64_t first, int n, const Thread<T>& thread) {
    T* gradients = thread.scratch + PairTile<T>::scratch_size(x.weights->radial);
    const T* projections = project ? nullptr : x.projections + projections_of(x, first);
    if (project) {
      const StageSpan span(thread.seconds, Stage::projections);
      T* anew = gradients + int64_t{x.tile_size} * w.n_out;
      linear(w, n, x.features + first * w.n_in, anew, false);
      projections = anew;
    }
    const StageSpan span(thread.seconds, Stage::backward_pairs);
    PairTile<T> tile(x.weights->radial, thread.scratch);
    std::memset(gradients, 0, sizeof(T) * n * w.n_out);
    for (int j = 0; j < n; ++j) {
      if (j + 1 < n) {
        prefetch_sender(x, first + j + 1);
      }
      const int64_t row = int64_t{j} * w.n_out;
      sender_backward<T, C>(x, first + j, tile, projections + row, gradients + row);
    }
    linear_backward(w, n, gradients, x.feature_gradients + first * w.n_in, true);
  });
}

/// What the pairs or the last block's on-site layers use, whichever is more.
template <class T> int64_t scratch_size(const BlockWeights<T>& w) {
  const int64_t pairs = PairTile<T>::scratch_size(w.radial) +
                        int64_t{2} * max_tile_size * w.radial.n_sensitivities * w.n_middle;
  const int64_t onsite =
      int64_t{max_tile_size} * ((w.n_atom_layers + 2) * int64_t{w.n_middle} + w.n_out);
  const int64_t line = 64 / sizeof(T); // threads do not share cache lines
  return ((pairs > onsite ? pairs : onsite) + line - 1) / line * line;
}

} // namespace HIPNN_TS_ISA
} // namespace hipnn_ts
