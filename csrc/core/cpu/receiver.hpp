// SPDX-License-Identifier: BSD-3-Clause
//
// Forward pass of an interaction layer for inference, except the first: the moments of one
// receiver.
#pragma once

#include "core/cpu/pair_loops.hpp"

namespace hipnn_ts {
namespace HIPNN_TS_ISA {

/// Messages (size, a) of `size` pairs of the tile from `first` on; `projections` (V, a) of each.
template <class T>
inline void write_messages(
    const PairTile<T>& tile, int first, int size, const T* const* projections, int a, T* messages) {
  for (int k = first; k < first + size; ++k) {
    const Window window = tile.window_of(k);
    const T* s = tile.sensitivities + window.begin * pair_tile + k;
    const T* row = projections[k] + window.begin * a;
    T* out = messages + (k - first) * a;
    for_chunks<T, lanes_for<T>(1)>(a, [&](auto width, int feature) __attribute__((always_inline)) {
      using F = Chunk<T, decltype(width)::value>;
      F m = F::zero();
      for (int w = 0; w < window.size(); ++w) {
        m.add(s[w * pair_tile], F::load(row + w * a + feature));
      }
      m.store(out + feature);
    });
  }
}

/// Adds them to the moments (C, a) of their receiver.
template <class T, int C>
inline void
add_messages(const PairTile<T>& tile, int first, int size, const T* messages, int a, T* moments) {
  for_chunks<T, lanes_for<T>(C)>(a, [&](auto width, int feature) __attribute__((always_inline)) {
    using F = Chunk<T, decltype(width)::value>;
    F sum[C];
    for (int c = 0; c < C; ++c) {
      sum[c] = F::load(moments + c * a + feature);
    }
    for (int k = 0; k < size; ++k) {
      const F m = F::load(messages + k * a + feature);
      for (int c = 0; c < C; ++c) {
        sum[c].add(tile.components[c][first + k], m);
      }
    }
    for (int c = 0; c < C; ++c) {
      sum[c].store(moments + c * a + feature);
    }
  });
}

/// Moments (C, a) of a receiver; `messages` (message_pairs, a) is scratch.
template <class T, int C>
inline void receiver_forward(
    const BlockProblem<T>& x, int64_t receiver, PairTile<T>& tile, T* messages, T* moments) {
  const int a = x.weights->n_middle;
  const int64_t row_size = x.weights->projection.n_out;
  const T* rows[pair_tile];
  std::memset(moments, 0, sizeof(T) * C * a);
  const int64_t begin = x.by_receiver.offsets[receiver], end = x.by_receiver.offsets[receiver + 1];
  for_pair_tiles<T, C, false>(x, x.by_receiver.pairs + begin, end - begin, tile, [&] {
    for (int k = 0; k < tile.size; ++k) {
      rows[k] = x.projections + x.projection_rows[x.senders[tile.pair[k]]] * row_size;
    }
    for (int first = 0; first < tile.size; first += message_pairs) {
      const int left = tile.size - first;
      const int size = left < message_pairs ? left : message_pairs;
      write_messages(tile, first, size, rows, a, messages);
      add_messages<T, C>(tile, first, size, messages, a, moments);
    }
  });
}

} // namespace HIPNN_TS_ISA
} // namespace hipnn_ts
