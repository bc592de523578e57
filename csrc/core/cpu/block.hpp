// SPDX-License-Identifier: BSD-3-Clause
//
// Blocks after the first for inference, tile by tile, so that each stage finds the results of the
// previous one in cache.
#pragma once

#include "core/cpu/onsite_tiles.hpp"
#include "core/cpu/receiver.hpp"
#include "core/cpu/sender.hpp"

namespace hipnn_ts {
namespace HIPNN_TS_ISA {

/// Position of a sender's projections.
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
    linear(w, n, x.features + first * w.n_in, x.projections + projections_of(x, first), false);
  });
}

template <class T, int C>
inline void
tile_moments(const BlockProblem<T>& x, int64_t first, int n, const Thread<T>& thread, T* moments) {
  const StageSpan span(thread.seconds, Stage::forward_pairs);
  const BlockWeights<T>& w = *x.weights;
  PairTile<T> tile(w.radial, thread.scratch);
  T* messages = thread.scratch + PairTile<T>::scratch_size(w.radial);
  for (int i = 0; i < n; ++i) {
    receiver_forward<T, C>(x, first + i, tile, messages, moments + int64_t{i} * C * w.n_middle);
  }
}

template <class T, int C> void forward(const BlockProblem<T>& x, TileList receivers) {
  for_tiles(x, receivers, x.n_receivers, [&](int64_t first, int n, const Thread<T>& thread) {
    T* moments = moments_of<T, C>(x, first);
    tile_moments<T, C>(x, first, n, thread, moments);
    const StageSpan span(thread.seconds, Stage::onsite);
    tile_forward_kept<T, C>(x, first, n, moments, thread.scratch);
  });
}

template <class T, int C> void forward_last(const BlockProblem<T>& x, TileList receivers) {
  for_tiles(x, receivers, x.n_receivers, [&](int64_t first, int n, const Thread<T>& thread) {
    T* moments = moments_of<T, C>(x, first);
    tile_moments<T, C>(x, first, n, thread, moments);
    const StageSpan span(thread.seconds, Stage::onsite);
    tile_forward_backward<T, C>(x, first, n, moments, thread.scratch);
  });
}

template <class T, int C> void backward_onsite(const BlockProblem<T>& x, TileList receivers) {
  for_tiles(x, receivers, x.n_receivers, [&](int64_t first, int n, const Thread<T>& thread) {
    const StageSpan span(thread.seconds, Stage::onsite);
    tile_backward_kept<T, C>(x, first, n, moments_of<T, C>(x, first), thread.scratch);
  });
}

/// The gradient of a tile's projections is contracted with the weights while it is in cache.
template <class T, int C>
void backward_senders(const BlockProblem<T>& x, TileList senders, bool project) {
  const Linear<T>& w = x.weights->projection;
  for_tiles(x, senders, x.n_atoms, [&](int64_t first, int n, const Thread<T>& thread) {
    T* message_gradients = thread.scratch + PairTile<T>::scratch_size(x.weights->radial);
    T* gradients = message_gradients + int64_t{message_pairs} * x.weights->n_middle;
    const T* projections = project ? nullptr : x.projections + projections_of(x, first);
    if (project) {
      const StageSpan span(thread.seconds, Stage::projections);
      T* anew = gradients + int64_t{x.tile_size} * w.n_out;
      linear(w, n, x.features + first * w.n_in, anew, false);
      projections = anew;
    }
    const StageSpan span(thread.seconds, Stage::backward_pairs);
    const ReceiverRange all{0, static_cast<int32_t>(x.n_receivers)};
    const ReceiverRange receivers = x.visiting ? x.visiting[first / x.tile_size] : all;
    PairTile<T> tile(x.weights->radial, thread.scratch);
    std::memset(gradients, 0, sizeof(T) * n * w.n_out);
    for (int j = 0; j < n; ++j) {
      if (j + 1 < n) {
        prefetch_sender(x, first + j + 1);
      }
      const int64_t row = int64_t{j} * w.n_out;
      sender_backward<T, C>(
          x, first + j, receivers, tile, message_gradients, projections + row, gradients + row);
    }
    linear_backward(w, n, gradients, x.feature_gradients + first * w.n_in, true);
  });
}

/// Enough for the pairs and for the on-site layers.
template <class T> int64_t scratch_size(const BlockWeights<T>& w) {
  const int64_t pairs = PairTile<T>::scratch_size(w.radial) + int64_t{message_pairs} * w.n_middle +
                        int64_t{2} * max_tile_size * w.radial.n_sensitivities * w.n_middle;
  const int64_t onsite = onsite_scratch_size(w);
  return whole_cache_lines<T>(pairs > onsite ? pairs : onsite);
}

} // namespace HIPNN_TS_ISA
} // namespace hipnn_ts
