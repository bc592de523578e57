// SPDX-License-Identifier: BSD-3-Clause
//
// The first block for inference. The features of its neighbours depend only on their species, so
// pairs are summed before features come in: R_i,c,k = sum over the pairs of receiver i of Y_c s_v,
// with k = (species of the sender, v) and K of them. Radial moments are these mixed by
// SpeciesTable's L, and moments follow by a dense product with its Q, instead of work of size pairs
// x features.
#pragma once

#include "core/cpu/lane_sums.hpp"
#include "core/cpu/onsite_tiles.hpp"
#include "core/cpu/pair_loops.hpp"

namespace hipnn_ts {
namespace HIPNN_TS_ISA {

/// Components of a row that are read and written for a pair at once: a power of two.
template <int C> constexpr int row_lanes = C <= 4 ? C : 16;
static_assert(row_lanes<n_components(max_order)> >= n_components(max_order));

/// Radial moments (C, K) from the sums R, (K, row_lanes).
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

/// The gradient with respect to R (K, row_lanes), from that with respect to radial moments (C, K),
/// whose components are `stride` apart; `rows` is scratch of the same size.
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

/// Calls body(first of the K sums) for each tile of a receiver's pairs with senders of one species,
/// which are consecutive in PairOrder.
template <class T, int C, bool slopes, class Body>
inline __attribute__((always_inline)) void
for_species_tiles(const BlockProblem<T>& x, int64_t receiver, PairTile<T>& tile, const Body& body) {
  const int V = x.weights->radial.n_sensitivities;
  const int32_t* pairs = x.by_receiver.pairs;
  const auto species_of = [&](int64_t k) __attribute__((always_inline)) {
    return x.species[x.senders[pairs[k]]];
  };
  const int64_t end = x.by_receiver.offsets[receiver + 1];
  for (int64_t begin = x.by_receiver.offsets[receiver], next; begin < end; begin = next) {
    const int32_t species = species_of(begin);
    next = begin + 1;
    while (next < end && species_of(next) == species) {
      ++next;
    }
    for_pair_tiles<T, C, slopes>(x, pairs + begin, next - begin, tile, [&] { body(species * V); });
  }
}

/// Lanes whose sums are sum_p s_v Y_c over the tile's pairs: written for `components` from c on of
/// C and a sensitivity_block from v on. In single precision, because only a few pairs are summed
/// here.
template <class T, int C, int components>
inline __attribute__((always_inline)) void
write_products(const PairTile<T>& tile, int v, int c, T* lanes) {
  constexpr int width = block_lanes<T>;
  constexpr int n_sums = sensitivity_block * components;
  using F = Chunk<T, width>;
  F sum[n_sums];
  unrolled<n_sums>([&](auto i) __attribute__((always_inline)) { sum[i] = F::zero(); });
  for (int b = 0; b < tile.n_blocks; ++b) {
    if (tile.window[b].begin >= v + sensitivity_block || tile.window[b].end <= v) {
      continue;
    }
    for (int k = b * pair_block; k < (b + 1) * pair_block; k += width) {
      F y[components];
      unrolled<components>([&](auto j) __attribute__((always_inline)) {
        y[j] = F::load(tile.components[c + j] + k);
      });
      unrolled<sensitivity_block>([&](auto i) __attribute__((always_inline)) {
        const F s = F::load(tile.sensitivities + (v + i) * pair_tile + k);
        unrolled<components>(
            [&](auto j) __attribute__((always_inline)) { sum[i * components + j].add(y[j], s); });
      });
    }
  }
  for (int i = 0; i < sensitivity_block; ++i) {
    for (int j = 0; j < components; ++j) {
      sum[i * components + j].store(lanes + ((v + i) * C + c + j) * width);
    }
  }
}

/// Adds sum_p s_v Y_c over the tile's pairs to `sums` (V, row_lanes). `lanes` is scratch.
template <class T, int C>
inline void add_products(const PairTile<T>& tile, int V, T* lanes, double* sums) {
  constexpr int step = C % 3 == 0 ? 3 : C % 2 == 0 ? 2 : 1; // accumulators for so many fit
  constexpr int width = block_lanes<T>;
  for (int v = 0; v < V; v += sensitivity_block) {
    HIPNN_TS_UNROLL
    for (int c = 0; c < C; c += step) {
      write_products<T, C, step>(tile, v, c, lanes);
    }
  }
  T total[width];
  for (int i = 0; i < V * C; i += width) {
    LaneTree<T, width, width>::sum(
        [&](auto j) __attribute__((always_inline)) {
          return Chunk<T, width>::load(lanes + (i + j) * width).v[0];
        },
        total);
    for (int j = 0; j < width && i + j < V * C; ++j) {
      sums[(i + j) / C * row_lanes<C> + (i + j) % C] += static_cast<double>(total[j]);
    }
  }
}

/// Values that `add_products` needs as scratch.
template <class T, int C> int64_t products_size(int V) {
  const int64_t rows = (V + sensitivity_block - 1) / sensitivity_block * sensitivity_block;
  return (rows * C + max_lanes<T>)*block_lanes<T>;
}

/// Radial moments (C, K) of a receiver; `sums` (K, row_lanes) and `lanes` are scratch. In double
/// precision, because all features follow from these few numbers.
template <class T, int C>
inline void radial_moments(
    const BlockProblem<T>& x, int64_t receiver, PairTile<T>& tile, T* lanes, double* sums, T* out) {
  const int V = x.weights->radial.n_sensitivities;
  std::memset(sums, 0, sizeof(double) * x.table.n_in * row_lanes<C>);
  for_species_tiles<T, C, false>(x, receiver, tile, [&](int first) {
    add_products<T, C>(tile, V, lanes, sums + first * row_lanes<C>);
  });
  mix<T, C>(x, sums, out);
}

/// Backward pass through a receiver's pairs, given the gradient with respect to its sums R, `rows`
/// (K, row_lanes).
template <class T, int C>
inline void
radial_backward(const BlockProblem<T>& x, int64_t receiver, PairTile<T>& tile, const T* rows) {
  constexpr int lanes = row_lanes<C>;
  constexpr int width = block_lanes<T>;
  using F = Chunk<T, width>;
  for_species_tiles<T, C, true>(x, receiver, tile, [&](int first) {
    PairGradients<T> found;
    for (int k = 0; k < tile.n_blocks * pair_block; k += width) {
      const Window window = tile.window_of(k);
      F turning[C], stretching = F::zero();
      for (int c = 0; c < C; ++c) {
        turning[c] = F::zero();
      }
      for (int v = window.begin; v < window.end; ++v) {
        const T* row = rows + (first + v) * lanes;
        const F s = F::load(tile.sensitivities + v * pair_tile + k);
        F along = F::zero();
        for (int c = 0; c < C; ++c) {
          turning[c].add(row[c], s);
          along.add(row[c], F::load(tile.components[c] + k));
        }
        stretching.add(along, F::load(tile.slopes + v * pair_tile + k));
      }
      T gradient[C][width];
      for (int c = 0; c < C; ++c) {
        turning[c].store(gradient[c]);
      }
      stretching.store(found.distance + k);
      for (int w = 0; w < width; ++w) {
        const T u[3] = {
            tile.direction[0][k + w], tile.direction[1][k + w], tile.direction[2][k + w]};
        const auto g = contract<order_of(C), T>(
            u, [&](int c) __attribute__((always_inline)) { return gradient[c][w]; });
        for (int d = 0; d < 3; ++d) {
          found.direction[d][k + w] = g.direction[d];
        }
      }
    }
    add_vector_gradients(tile, found, x.vector_gradients);
  });
}

/// Scratch of one thread.
template <class T, int C> struct FirstScratch {
  double* sums;        // (K, row_lanes) of one receiver
  T* sums_gradient;    // likewise
  T* pairs;            // PairTile
  T* products;         // of add_products
  T* moments;          // (tile_size, C, n_middle)
  T* radial_gradients; // (tile_size, C, `columns`)
  T* onsite;
  int columns; // K in whole panels
  int64_t size = 0;

  /// With null for `scratch`, only its size.
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
    products = take(products_size<T, C>(w.radial.n_sensitivities));
    moments = take(int64_t{max_tile_size} * C * w.n_middle);
    radial_gradients = take(int64_t{max_tile_size} * C * columns);
    onsite = take(onsite_scratch_size(w));
  }
};

template <class T> inline T* radial_moments_of(const BlockProblem<T>& x, int64_t receiver, int C) {
  return x.radial_moments + receiver * C * x.table.n_in;
}

/// Moments of a tile from its radial moments.
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
    radial_moments<T, C>(x, i, tile, scratch.products, scratch.sums, radial_moments_of(x, i, C));
  }
  moments_of_radial<T, C>(x, first, n, scratch.moments);
}

/// Backward pass through the pairs of a tile of receivers, given the gradient with respect to their
/// moments in `scratch`.
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

/// Recomputing moments from the radial moments is cheaper than keeping them.
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

/// Values of scratch that each thread needs for the first block with K radial moments.
template <class T, int C> int64_t first_scratch_size(const BlockWeights<T>& w, int K) {
  return FirstScratch<T, C>(w, K, nullptr).size;
}

} // namespace HIPNN_TS_ISA
} // namespace hipnn_ts
