// SPDX-License-Identifier: BSD-3-Clause
//
// The first block for inference. What its neighbours send depends on their species alone, so pairs
// are summed before features come in: R_i,c,k = sum over the pairs of receiver i of Y_c s_v, with
// k = (species of the sender, v) and K of them; radial moments are these mixed by SpeciesTable's L,
// and moments follow by a dense product with its Q, in place of work of pairs x features.
#pragma once

#include "core/cpu/interaction.hpp"
#include "core/cpu/onsite_tiles.hpp"

namespace hipnn_ts {
namespace HIPNN_TS_ISA {

/// Components of a row that a pair is added to, and read from, at once: a power of two.
template <int C> constexpr int row_lanes = C <= 4 ? C : component_lanes;
static_assert(row_lanes<n_components(max_order)> >= n_components(max_order));

/// Radial moments (C, K) of the sums R, (K, row_lanes).
template <class T, int C> inline void mix(const BlockProblem<T>& x, const double* sums, T* out) {
  constexpr int lanes = row_lanes<C>;
  using F = Chunk<double, lanes>;
  const int K = x.table.n_in, V = x.weights->radial.n_sensitivities;
  for (int k = 0; k < K; ++k) {
    const int v = k % V;
    const double* l = x.mixing + (k - v) * V;
    F mixed = F::zero();
    for (int w = v; w < V; ++w) {
      mixed.add(l[w * V + v], F::load(sums + (k - v + w) * lanes));
    }
    double row[lanes];
    mixed.store(row);
    for (int c = 0; c < C; ++c) {
      out[c * K + k] = static_cast<T>(row[c]);
    }
  }
}

/// The gradient with respect to R (K, row_lanes) of that with respect to radial moments (C, K),
/// whose components are `stride` apart; `rows` is scratch like it.
template <class T, int C>
inline void mix_backward(
    const BlockProblem<T>& x, const T* radial_gradient, int64_t stride, double* rows, T* gradient) {
  constexpr int lanes = row_lanes<C>;
  using F = Chunk<double, lanes>;
  const int K = x.table.n_in, V = x.weights->radial.n_sensitivities;
  for (int c = 0; c < C; ++c) {
    for (int k = 0; k < K; ++k) {
      rows[k * lanes + c] = static_cast<double>(radial_gradient[c * stride + k]);
    }
  }
  for (int k = 0; k < K; ++k) {
    const int v = k % V;
    const double* l = x.mixing + k * int64_t{V};
    F mixed = F::zero();
    for (int w = 0; w <= v; ++w) {
      mixed.add(l[w], F::load(rows + (k - v + w) * lanes));
    }
    double row[lanes];
    mixed.store(row);
    Chunk<T, lanes>::convert(row).store(gradient + k * lanes);
  }
}

/// Where the window of pair k of the tile begins among the K sums.
template <class T>
inline int64_t radial_row(const BlockProblem<T>& x, const PairTile<T>& tile, int k) {
  const int64_t species = x.species[x.senders[tile.pair[k]]];
  return species * x.weights->radial.n_sensitivities + tile.first[k];
}

/// Radial moments (C, K) of a receiver; `sums` (K, row_lanes) is scratch. In double precision: all
/// features follow from these few.
template <class T, int C>
inline void radial_moments(
    const BlockProblem<T>& x, int64_t receiver, PairTile<T>& tile, double* sums, T* out) {
  constexpr int lanes = row_lanes<C>;
  using F = Chunk<double, lanes>;
  const int K = x.table.n_in;
  std::memset(sums, 0, sizeof(double) * K * lanes);
  for_pair_tiles<T, C, false>(x, x.by_receiver, receiver, tile, [&] {
    for (int k = 0; k < tile.size; ++k) {
      const F y = F::convert(tile.components[k]);
      const T* s = tile.sensitivities + k * tile.window;
      double* row = sums + radial_row(x, tile, k) * lanes;
      for (int w = 0; w < tile.count[k]; ++w) {
        F sum = F::load(row + w * lanes);
        sum.add(s[w], y);
        sum.store(row + w * lanes);
      }
    }
  });
  mix<T, C>(x, sums, out);
}

/// A receiver's pairs, given the gradient with respect to its sums R, `rows` (K, row_lanes).
template <class T, int C>
inline void
radial_backward(const BlockProblem<T>& x, int64_t receiver, PairTile<T>& tile, const T* rows) {
  constexpr int lanes = row_lanes<C>;
  using F = Chunk<T, lanes>;
  for_pair_tiles<T, C, true>(x, x.by_receiver, receiver, tile, [&] {
    for (int k = 0; k < tile.size; ++k) {
      const T* row = rows + radial_row(x, tile, k) * lanes;
      const T* s = tile.sensitivities + k * tile.window;
      const T* slope = tile.slopes + k * tile.window;
      F sums = F::zero(), slope_sums = F::zero();
      for (int w = 0; w < tile.count[k]; ++w) {
        const F g = F::load(row + w * lanes);
        sums.add(s[w], g);
        slope_sums.add(slope[w], g);
      }
      T turning[lanes], stretching[lanes], u[3];
      sums.store(turning);
      slope_sums.store(stretching);
      tile.direction_of(k, u);
      auto g = contract<order_of(C), T>(
          u, [&](int c) __attribute__((always_inline)) { return turning[c]; });
      g.distance = contract<order_of(C), T>(u, [&](int c) __attribute__((always_inline)) {
                     return stretching[c];
                   }).distance;
      add_vector_gradient(tile, k, g, x.vector_gradients + 3 * static_cast<int64_t>(tile.pair[k]));
    }
  });
}

/// What one thread needs.
template <class T, int C> struct FirstScratch {
  double* sums;        // (K, row_lanes) of one receiver
  T* sums_gradient;    // likewise
  T* pairs;            // PairTile
  T* moments;          // (tile_size, C, n_middle)
  T* radial_gradients; // (tile_size, C, `columns`)
  T* onsite;
  int columns; // K in whole panels
  int64_t size = 0;

  /// With null for `scratch`, its size only.
  FirstScratch(const BlockWeights<T>& w, int K, T* scratch)
      : columns((K + panel_width - 1) / panel_width * panel_width) {
    const auto take = [&](int64_t n) {
      T* const part = scratch ? scratch + size : nullptr;
      size += whole_cache_lines<T>(n);
      return part;
    };
    constexpr int64_t values_per_double = sizeof(double) / sizeof(T);
    sums = reinterpret_cast<double*>(take(K * row_lanes<C> * values_per_double));
    sums_gradient = take(int64_t{K} * row_lanes<C>);
    pairs = take(PairTile<T>::scratch_size(w.radial));
    moments = take(int64_t{max_tile_size} * C * w.n_middle);
    radial_gradients = take(int64_t{max_tile_size} * C * columns);
    onsite = take(onsite_scratch_size(w));
  }
};

template <class T> inline T* radial_moments_of(const BlockProblem<T>& x, int64_t receiver, int C) {
  return x.radial_moments + receiver * C * x.table.n_in;
}

/// Moments of a tile, of its radial moments.
template <class T, int C>
inline void moments_of_radial(const BlockProblem<T>& x, int64_t first, int n, T* moments) {
  const Linear<T>& table = x.table;
  gemm(
      n * C, table.n_out, table.n_in, radial_moments_of(x, first, C), table.n_in, table.forward,
      moments, table.n_out, false);
}

template <class T, int C>
inline void tile_moments_first(
    const BlockProblem<T>& x, int64_t first, int n, const Thread<T>& thread,
    const FirstScratch<T, C>& scratch) {
  const StageSpan span(thread.seconds, Stage::forward_pairs);
  PairTile<T> tile(x.weights->radial, scratch.pairs);
  for (int64_t i = first; i < first + n; ++i) {
    radial_moments<T, C>(x, i, tile, scratch.sums, radial_moments_of(x, i, C));
  }
  moments_of_radial<T, C>(x, first, n, scratch.moments);
}

/// The pairs of a tile of receivers, given the gradient with respect to their moments in `scratch`.
template <class T, int C>
inline void tile_backward_pairs_first(
    const BlockProblem<T>& x, int64_t first, int n, const Thread<T>& thread,
    const FirstScratch<T, C>& scratch) {
  const StageSpan span(thread.seconds, Stage::backward_pairs);
  const Linear<T>& table = x.table;
  const int columns = scratch.columns;
  gemm(
      n * C, columns, table.n_out, scratch.moments, table.n_out, table.backward,
      scratch.radial_gradients, columns, false);
  PairTile<T> tile(x.weights->radial, scratch.pairs);
  for (int i = 0; i < n; ++i) {
    const T* gradient = scratch.radial_gradients + int64_t{i} * C * columns;
    mix_backward<T, C>(x, gradient, columns, scratch.sums, scratch.sums_gradient);
    radial_backward<T, C>(x, first + i, tile, scratch.sums_gradient);
  }
}

template <class T, int C> void forward_first(const BlockProblem<T>& x, TileList receivers) {
  const BlockWeights<T>& w = *x.weights;
  for_tiles(x, receivers, x.n_receivers, [&](int64_t first, int n, const Thread<T>& thread) {
    const FirstScratch<T, C> scratch(w, x.table.n_in, thread.scratch);
    tile_moments_first(x, first, n, thread, scratch);
    const StageSpan span(thread.seconds, Stage::onsite);
    tile_forward_kept<T, C>(x, first, n, scratch.moments, scratch.onsite);
  });
}

/// Moments are cheaper to make anew of the radial moments than to keep.
template <class T, int C> void backward_first(const BlockProblem<T>& x, TileList receivers) {
  const BlockWeights<T>& w = *x.weights;
  for_tiles(x, receivers, x.n_receivers, [&](int64_t first, int n, const Thread<T>& thread) {
    const FirstScratch<T, C> scratch(w, x.table.n_in, thread.scratch);
    {
      const StageSpan span(thread.seconds, Stage::onsite);
      moments_of_radial<T, C>(x, first, n, scratch.moments);
      tile_backward_kept<T, C>(x, first, n, scratch.moments, scratch.onsite);
    }
    tile_backward_pairs_first(x, first, n, thread, scratch);
  });
}

template <class T, int C> void only_block(const BlockProblem<T>& x, TileList receivers) {
  const BlockWeights<T>& w = *x.weights;
  for_tiles(x, receivers, x.n_receivers, [&](int64_t first, int n, const Thread<T>& thread) {
    const FirstScratch<T, C> scratch(w, x.table.n_in, thread.scratch);
    tile_moments_first(x, first, n, thread, scratch);
    {
      const StageSpan span(thread.seconds, Stage::onsite);
      tile_forward_backward<T, C>(x, first, n, scratch.moments, scratch.onsite);
    }
    tile_backward_pairs_first(x, first, n, thread, scratch);
  });
}

/// Values that each thread needs for the first block with K radial moments.
template <class T, int C> int64_t first_scratch_size(const BlockWeights<T>& w, int K) {
  return FirstScratch<T, C>(w, K, nullptr).size;
}

} // namespace HIPNN_TS_ISA
} // namespace hipnn_ts
