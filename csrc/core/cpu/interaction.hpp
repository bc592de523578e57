// SPDX-License-Identifier: BSD-3-Clause
//
// The pairs of one atom in an interaction layer for inference, not the first: forward by receiver,
// backward by sender, which owns the gradient of its projections.
#pragma once

#include "core/cpu/radial.hpp"

namespace hipnn_ts {
namespace HIPNN_TS_ISA {

template <class T>
inline const T*
window_row(const BlockProblem<T>& x, const PairTile<T>& tile, int k, int64_t sender) {
  const BlockWeights<T>& w = *x.weights;
  const int64_t v = x.projection_rows[sender] * int64_t{w.radial.n_sensitivities} + tile.first[k];
  return x.projections + v * w.n_middle;
}

/// Calls body() for each tile of the group's pairs, once `tile` holds those of them to keep.
template <class T, int C, bool slopes, class Body, class Keep = AllPairs>
inline __attribute__((always_inline)) void for_pair_tiles(
    const BlockProblem<T>& x, const PairGroups& groups, int64_t group, PairTile<T>& tile,
    const Body& body, const Keep& keep = Keep()) {
  const int64_t end = groups.offsets[group + 1];
  for (int64_t begin = groups.offsets[group]; begin < end; begin += pair_tile) {
    const int64_t left = end - begin;
    prepare<T, C, slopes>(
        tile, x.weights->radial, x.vectors, groups, begin,
        static_cast<int>(left < pair_tile ? left : pair_tile), keep);
    body();
  }
}

/// Sensitivities of a pair and their slopes, by value: loops over them unroll and leave them in
/// registers.
template <class T, int n> struct FixedWindow {
  static constexpr int size = n;
  T s[n], slope[n];

  inline __attribute__((always_inline)) FixedWindow(const T* from_s, const T* from_slope) {
    for (int w = 0; w < n; ++w) {
      s[w] = from_s[w];
      slope[w] = from_slope[w];
    }
  }
};

template <class T> struct AnyWindow {
  int size;
  const T *s, *slope;
};

/// Calls body(window) with the window of pair k; the usual sizes are known to the compiler.
template <class T, class Body>
inline __attribute__((always_inline)) void
with_window(const PairTile<T>& tile, int k, const Body& body) {
  const T* s = tile.sensitivities + k * tile.window;
  const T* slope = tile.slopes + k * tile.window;
  switch (tile.count[k]) {
    case 1:
      return body(FixedWindow<T, 1>(s, slope));
    case 2:
      return body(FixedWindow<T, 2>(s, slope));
    case 3:
      return body(FixedWindow<T, 3>(s, slope));
    case 4:
      return body(FixedWindow<T, 4>(s, slope));
    case 5:
      return body(FixedWindow<T, 5>(s, slope));
    case 6:
      return body(FixedWindow<T, 6>(s, slope));
    default:
      return body(AnyWindow<T>{tile.count[k], s, slope});
  }
}

/// Adds the tile's messages to the moments of their receiver; rows[k] is where pair k's window of
/// the projections begins.
template <class T, int C>
inline void add_messages(const PairTile<T>& tile, const T* const* rows, int a, T* moments) {
  for_chunks<T>(a, [&](auto width, int feature) __attribute__((always_inline)) {
    using F = Chunk<T, decltype(width)::value>;
    F sum[C];
    for (int c = 0; c < C; ++c) {
      sum[c] = F::load(moments + c * a + feature);
    }
    for (int k = 0; k < tile.size; ++k) {
      const T* row = rows[k] + feature;
      F m = F::zero();
      const T* s = tile.sensitivities + k * tile.window;
      for (int w = 0; w < tile.count[k]; ++w) {
        m.add(s[w], F::load(row + w * a));
      }
      for (int c = 0; c < C; ++c) {
        sum[c].add(tile.components[k][c], m);
      }
    }
    for (int c = 0; c < C; ++c) {
      sum[c].store(moments + c * a + feature);
    }
  });
}

/// Moments (C, a) of a receiver.
template <class T, int C>
inline void
receiver_forward(const BlockProblem<T>& x, int64_t receiver, PairTile<T>& tile, T* moments) {
  const int a = x.weights->n_middle;
  const T* rows[pair_tile];
  std::memset(moments, 0, sizeof(T) * C * a);
  for_pair_tiles<T, C, false>(x, x.by_receiver, receiver, tile, [&] {
    for (int k = 0; k < tile.size; ++k) {
      rows[k] = window_row(x, tile, k, x.senders[tile.pair[k]]);
    }
    add_messages<T, C>(tile, rows, a, moments);
  });
}

/// Adds one chunk of a pair to the sums, given the chunk of the receiver's moment gradients and the
/// pair's window of projections; and to the window of their gradients.
template <class T, int C, class F, class Window>
inline __attribute__((always_inline)) PairSums<F> chunk_backward(
    PairSums<F> sums, const Window& window, const T* G, const T* row, T* row_gradient, int a,
    const T* u) {
  const auto g = contract<order_of(C), F>(
      u, [&](int c) __attribute__((always_inline)) { return F::load(G + c * a); });
  F m = F::zero();
  F m_slope = F::zero();
  for (int w = 0; w < window.size; ++w) {
    const F p = F::load(row + w * a);
    m.add(window.s[w], p);
    m_slope.add(window.slope[w], p);
    F sum = F::load(row_gradient + w * a);
    sum.add(window.s[w], g.distance);
    sum.store(row_gradient + w * a);
  }
  sums.distance.add(g.distance, m_slope);
  for (int d = 0; C > 1 && d < 3; ++d) {
    sums.direction[d].add(m, g.direction[d]);
  }
  return sums;
}

template <class T, int width>
inline __attribute__((always_inline)) PairSums<T>
horizontal(const PairSums<Chunk<T, width>>& sums) {
  return {
      sums.distance.sum(),
      {sums.direction[0].sum(), sums.direction[1].sum(), sums.direction[2].sum()}};
}

/// All chunks of a pair. `next` is where the next pair will read G.
template <class T, int C, class Window>
inline __attribute__((always_inline)) PairSums<T> sum_chunks(
    const Window& window, const T* G, const T* next, const T* row, T* row_gradient, int a,
    const T* u) {
  const auto add_chunk = [&](auto sums, int feature) __attribute__((always_inline)) {
    return chunk_backward<T, C>(
        sums, window, G + feature, row + feature, row_gradient + feature, a, u);
  };
  constexpr int widest = max_lanes<T>;
  using Wide = Chunk<T, widest>;
  PairSums<Wide> wide{};
  int begin = 0;
  for (; begin + widest <= a; begin += widest) {
    for (int c = 0; c < C; ++c) {
      __builtin_prefetch(next + c * a + begin);
    }
    wide = add_chunk(wide, begin);
  }
  PairSums<T> total = horizontal(wide);
  for_chunks<T, widest / 2>(
      a,
      [&](auto width, int feature) __attribute__((always_inline)) {
        using F = Chunk<T, decltype(width)::value>;
        const auto rest = horizontal(add_chunk(PairSums<F>{}, feature));
        total.distance += rest.distance;
        for (int d = 0; d < 3; ++d) {
          total.direction[d] += rest.direction[d];
        }
      },
      begin);
  return total;
}

/// Adds to dE/dr_p (3,) of pair k of the tile what follows from g.
template <class T>
inline __attribute__((always_inline)) void
add_vector_gradient(const PairTile<T>& tile, int k, const PairSums<T>& g, T* gradient) {
  T u[3], change[3];
  tile.direction_of(k, u);
  vector_gradient(g, u, tile.inverse_distance[k], change);
  for (int d = 0; d < 3; ++d) {
    gradient[d] += change[d];
  }
}

/// Pair k of the tile: adds dE/dr_p to `gradient` (3,), and dE/dP to the sender's window rows.
template <class T, int C>
inline __attribute__((always_inline)) void pair_backward(
    const PairTile<T>& tile, int k, const T* row, const T* G, const T* next, T* row_gradient, int a,
    T* gradient) {
  T u[3];
  tile.direction_of(k, u);
  PairSums<T> g;
  with_window(tile, k, [&](const auto& window) __attribute__((always_inline)) {
    g = sum_chunks<T, C>(window, G, next, row, row_gradient, a, u);
  });
  add_vector_gradient(tile, k, g, gradient);
}

/// A sender's pairs lie scattered: ask the second-level cache for them while another's are done.
template <class T> inline void prefetch_sender(const BlockProblem<T>& x, int64_t sender) {
  const PairGroups& groups = x.by_sender;
  for (int64_t k = groups.offsets[sender]; k < groups.offsets[sender + 1]; ++k) {
    const int64_t p = groups.pair(k);
    __builtin_prefetch(x.vectors + 3 * p, 0, 2);
    __builtin_prefetch(x.receivers + p, 0, 2);
    __builtin_prefetch(x.vector_gradients + 3 * p, 1, 2);
  }
}

/// A sender's pairs with some receivers; `projections` (V, a) are its own, `gradient` (V, a) is
/// dE/dP of them, added to.
template <class T, int C>
inline void sender_backward(
    const BlockProblem<T>& x, int64_t sender, ReceiverRange receivers, PairTile<T>& tile,
    const T* projections, T* gradient) {
  const int64_t a = x.weights->n_middle;
  const auto add_tile = [&] {
    if (tile.size == 0) {
      return; // all beyond the cutoff, or of another visit
    }
    // Pairs and receivers lie scattered: ask for all of the tile's early.
    const T* G[pair_tile + 1];
    for (int k = 0; k < tile.size; ++k) {
      const int64_t p = tile.pair[k];
      G[k] = x.moments + x.moment_rows[x.receivers[p]] * C * a;
      __builtin_prefetch(x.vector_gradients + 3 * p, 1);
    }
    G[tile.size] = G[tile.size - 1];
    for (int k = 0; k < tile.size; ++k) {
      if (tile.count[k] > 0) {
        const int64_t window = tile.first[k] * a;
        pair_backward<T, C>(
            tile, k, projections + window, G[k], G[k + 1], gradient + window, static_cast<int>(a),
            x.vector_gradients + 3 * static_cast<int64_t>(tile.pair[k]));
      }
    }
  };
  const auto keep = [&](int32_t pair) __attribute__((always_inline)) {
    return receivers.holds(x.receivers[pair]);
  };
  if (receivers.begin == 0 && receivers.end >= x.n_receivers) {
    for_pair_tiles<T, C, true>(x, x.by_sender, sender, tile, add_tile);
  } else {
    for_pair_tiles<T, C, true>(x, x.by_sender, sender, tile, add_tile, keep);
  }
}

} // namespace HIPNN_TS_ISA
} // namespace hipnn_ts
