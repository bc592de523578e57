// SPDX-License-Identifier: BSD-3-Clause
//
// Backward pass of an interaction layer for inference, except the first: the pairs of one sender,
// which owns the gradient of its projections. All its pairs read the same projections and add to
// the same gradient: both are dense products over the pairs.
#pragma once

#include "core/cpu/lane_sums.hpp"
#include "core/cpu/pair_loops.hpp"

namespace hipnn_ts {
namespace HIPNN_TS_ISA {

/// A sender's pairs are scattered: prefetch them into the second-level cache while another sender's
/// are processed.
template <class T> inline void prefetch_sender(const BlockProblem<T>& x, int64_t sender) {
  const PairGroups& groups = x.by_sender;
  for (int64_t k = groups.offsets[sender]; k < groups.offsets[sender + 1]; ++k) {
    const int64_t p = groups.pair(k);
    __builtin_prefetch(x.vectors + 3 * p, 0, 2);
    __builtin_prefetch(x.receivers + p, 0, 2);
    __builtin_prefetch(x.vector_gradients + 3 * p, 1, 2);
  }
}

/// For each pair, lanes whose sum is the gradient along its distance and with respect to its
/// direction.
template <class T> struct GradientLanes {
  static constexpr int lanes = max_lanes<T>;
  T of[4][message_pairs][lanes];

  /// Writes the sums of the first `size` to pairs of the tile from `first` on.
  template <int n_sums> inline void sum(int first, int size, PairGradients<T>& out) const {
    static_assert(message_pairs % lanes == 0 && pair_tile % message_pairs == 0);
    for (int k = 0; k < size; k += lanes) {
      for (int i = 0; i < n_sums; ++i) {
        T* target = i == 0 ? out.distance : out.direction[i - 1];
        LaneTree<T, lanes, lanes>::sum(
            [&](auto j)
                __attribute__((always_inline)) { return Chunk<T, lanes>::load(of[i][k + j]).v[0]; },
            target + first + k);
      }
    }
  }
};

template <class T>
inline __attribute__((always_inline)) void prefetch_row(const T* row, int64_t size) {
  constexpr int64_t per_line = 64 / sizeof(T);
  for (int64_t k = 0; k < size; k += per_line) {
    __builtin_prefetch(row + k);
  }
}

constexpr int pairs_at_once = 2; // of one pair_block, so that they share a window and each load

/// Pairs of the tile from k on, given the moment gradients G (C, a) of each receiver and the
/// sender's projections (V, a): writes the lanes of their sums and the gradients of their messages,
/// (a,) each, from number `place` on.
template <class T, int C>
inline void messages_backward(
    const PairTile<T>& tile, int k, const T* const* G, const T* projections, int a, int place,
    GradientLanes<T>& out, T* message_gradients) {
  const Window window = tile.window_of(k);
  const T* s = tile.sensitivities + window.begin * pair_tile + k;
  const T* slope = tile.slopes + window.begin * pair_tile + k;
  const T* row = projections + window.begin * a;
  constexpr int lanes = max_lanes<T>, n_sums = C > 1 ? 4 : 1, n_pairs = pairs_at_once;
  using Wide = Chunk<T, lanes>;
  Wide sums[n_pairs][n_sums];
  T rest[n_pairs][n_sums] = {};
  unrolled<n_pairs * n_sums>(
      [&](auto i) __attribute__((always_inline)) { sums[i / n_sums][i % n_sums] = Wide::zero(); });
  constexpr int widest = lanes_for<T>((C > 1 ? 2 : 1) * n_pairs);
  for_chunks<T, widest>(a, [&](auto width, int feature) __attribute__((always_inline)) {
    using F = Chunk<T, decltype(width)::value>;
    F m[n_pairs], m_slope[n_pairs];
    unrolled<n_pairs>([&](auto q) __attribute__((always_inline)) {
      m[q] = F::zero();
      m_slope[q] = F::zero();
    });
    for (int w = 0; w < window.size(); ++w) {
      const F p = F::load(row + w * a + feature);
      unrolled<n_pairs>([&](auto q) __attribute__((always_inline)) {
        if constexpr (C > 1) {
          m[q].add(s[w * pair_tile + q], p);
        }
        m_slope[q].add(slope[w * pair_tile + q], p);
      });
    }
    unrolled<n_pairs>([&](auto q) __attribute__((always_inline)) {
      const T u[3] = {tile.direction[0][k + q], tile.direction[1][k + q], tile.direction[2][k + q]};
      // One vector at a time, because the contraction needs registers, too.
      unrolled<F::n>([&](auto j) __attribute__((always_inline)) {
        using V = Chunk<T, F::lanes>;
        const int at = feature + j * F::lanes;
        const auto g = contract<order_of(C), V>(
            u, [&](int c) __attribute__((always_inline)) { return V::load(G[q] + c * a + at); });
        g.distance.store(message_gradients + (place + q) * a + at);
        unrolled<n_sums>([&](auto i) __attribute__((always_inline)) {
          const V& x = i == 0 ? g.distance : g.direction[i == 0 ? 0 : i - 1];
          const V y{{i == 0 ? m_slope[q].v[j] : m[q].v[j]}};
          if constexpr (F::lanes == lanes) {
            sums[q][i].add(x, y);
          } else {
            V product = V::zero();
            product.add(x, y);
            rest[q][i] += product.sum();
          }
        });
      });
    });
  });
  unrolled<n_pairs * n_sums>([&](auto i) __attribute__((always_inline)) {
    T* target = out.of[i % n_sums][place + i / n_sums];
    sums[i / n_sums][i % n_sums].store(target);
    target[0] += rest[i / n_sums][i % n_sums];
  });
}

/// Adds to `rows` consecutive rows, from `v` on, of the gradient (V, a) of the projections.
template <class T, int rows>
inline void add_rows(
    const PairTile<T>& tile, int first, int size, int v, const T* message_gradients, int a,
    T* gradient) {
  const T* s = tile.sensitivities + v * pair_tile;
  for_chunks<T, lanes_for<T>(rows)>(a, [&](auto width, int feature) __attribute__((always_inline)) {
    using F = Chunk<T, decltype(width)::value>;
    F sum[rows];
    for (int r = 0; r < rows; ++r) {
      sum[r] = F::load(gradient + r * a + feature);
    }
    for (int begin = first; begin < first + size; begin += pair_block) {
      const Window window = tile.window_of(begin);
      if (window.begin >= v + rows || window.end <= v) {
        continue;
      }
      for (int k = begin; k < begin + pair_block; ++k) {
        const F d = F::load(message_gradients + (k - first) * a + feature);
        for (int r = 0; r < rows; ++r) {
          sum[r].add(s[r * pair_tile + k], d);
        }
      }
    }
    for (int r = 0; r < rows; ++r) {
      sum[r].store(gradient + r * a + feature);
    }
  });
}

/// The last rows, fewer than sensitivity_block.
template <class T, int rows>
inline void add_last_rows(
    const PairTile<T>& tile, int first, int size, int v, int n, const T* message_gradients, int a,
    T* gradient) {
  if constexpr (rows > 0) {
    if (n == rows) {
      add_rows<T, rows>(tile, first, size, v, message_gradients, a, gradient);
    } else {
      add_last_rows<T, rows - 1>(tile, first, size, v, n, message_gradients, a, gradient);
    }
  }
}

/// A sender's pairs with some receivers; `projections` (V, a) are its own, `gradient` (V, a) is
/// their dE/dP, added to; `message_gradients` (message_pairs, a) is scratch.
template <class T, int C>
inline void sender_backward(
    const BlockProblem<T>& x, int64_t sender, ReceiverRange receivers, PairTile<T>& tile,
    T* message_gradients, const T* projections, T* gradient) {
  const int a = x.weights->n_middle, V = x.weights->radial.n_sensitivities;
  const auto add_tile = [&] {
    // Pairs and receivers are scattered: prefetch all of the tile's early.
    const int padded = tile.n_blocks * pair_block;
    const T* G[pair_tile + pairs_at_once] = {};
    for (int k = 0; k < padded; ++k) {
      const int64_t p = tile.pair[k];
      G[k] = x.moments + x.moment_rows[x.receivers[p]] * int64_t{C} * a;
      __builtin_prefetch(x.vector_gradients + 3 * p, 1);
    }
    for (int q = 0; q < pairs_at_once; ++q) {
      G[padded + q] = G[padded - 1];
    }
    PairGradients<T> found{};
    GradientLanes<T> lanes{};
    for (int first = 0; first < padded; first += message_pairs) {
      const int left = padded - first;
      const int size = left < message_pairs ? left : message_pairs;
      for (int place = 0; place < size; place += pairs_at_once) {
        const T* const* at = G + first + place;
        for (int q = 0; q < pairs_at_once; ++q) {
          prefetch_row(at[pairs_at_once + q], C * a);
        }
        messages_backward<T, C>(
            tile, first + place, at, projections, a, place, lanes, message_gradients);
      }
      lanes.template sum<C == 1 ? 1 : 4>(first, size, found);
      int v = 0;
      for (; v + sensitivity_block <= V; v += sensitivity_block) {
        add_rows<T, sensitivity_block>(
            tile, first, size, v, message_gradients, a, gradient + v * a);
      }
      add_last_rows<T, sensitivity_block - 1>(
          tile, first, size, v, V - v, message_gradients, a, gradient + v * a);
    }
    add_vector_gradients(tile, found, x.vector_gradients);
  };
  const int64_t begin = x.by_sender.offsets[sender], end = x.by_sender.offsets[sender + 1];
  const int32_t* pairs = x.by_sender.pairs + begin;
  if (receivers.begin == 0 && receivers.end >= x.n_receivers) {
    for_pair_tiles<T, C, true>(x, pairs, end - begin, tile, add_tile);
    return;
  }
  for (int64_t first = 0; first < end - begin; first += pair_tile) {
    int32_t visited[pair_tile];
    int n = 0;
    for (int64_t k = first; k < first + pair_tile && k < end - begin; ++k) {
      visited[n] = pairs[k];
      n += receivers.holds(x.receivers[pairs[k]]);
    }
    for_pair_tiles<T, C, true>(x, visited, n, tile, add_tile);
  }
}

} // namespace HIPNN_TS_ISA
} // namespace hipnn_ts
