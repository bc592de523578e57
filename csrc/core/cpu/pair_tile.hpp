// SPDX-License-Identifier: BSD-3-Clause
//
// Tiles of the pairs of one atom for inference, with geometry and sensitivities. All arrays have
// the pair as their last index: loops over pairs vectorise.
#pragma once

#include "core/cpu/radial.hpp"
#include "core/kernels.hpp"

namespace hipnn_ts {
namespace HIPNN_TS_ISA {

constexpr int pair_block = 8;        // pairs that share a window
constexpr int pair_tile = 64;        // pairs whose geometry is computed together
constexpr int sensitivity_block = 4; // sensitivities that dense products take at once

/// Lanes of a vector of pairs, all in one pair_block.
template <class T>
constexpr int block_lanes = max_lanes<T> < pair_block ? max_lanes<T> : pair_block;

/// Sensitivities [begin, end) that any pair of a block needs.
struct Window {
  int16_t begin, end;

  inline __attribute__((always_inline)) int size() const { return end - begin; }
};

template <class T> struct PairTile {
  int size; // pairs; arrays go on to a whole block with pairs whose envelope is zero
  int n_blocks;
  int32_t pair[pair_tile]; // their indices
  T inverse_distance[pair_tile];
  T direction[3][pair_tile];
  T components[n_components(max_order)][pair_tile];
  Window window[pair_tile / pair_block];
  // Zero outside the window, within the sensitivity_blocks that it touches.
  T* sensitivities; // (V, pair_tile)
  T* slopes;        // (V, pair_tile), ds/dr

  PairTile(const Radial<T>& radial, T* scratch)
      : sensitivities(scratch), slopes(scratch + rows(radial) * pair_tile) {}

  static int64_t scratch_size(const Radial<T>& radial) {
    return int64_t{2} * pair_tile * rows(radial);
  }

  inline __attribute__((always_inline)) Window window_of(int k) const {
    return window[k / pair_block];
  }

  /// Takes `n` pairs, at most pair_tile, with components of their directions or, if slopes are
  /// wanted, with the factors that `contract` needs for a gradient.
  template <int C, bool with_slopes>
  inline void fill(const Radial<T>& radial, const T* vectors, const int32_t* pairs, int n) {
    size = n;
    n_blocks = (n + pair_block - 1) / pair_block;
    const int padded = n_blocks * pair_block;
    for (int k = 0; k < n; ++k) {
      pair[k] = pairs[k];
    }
    for (int k = n; k < padded; ++k) {
      pair[k] = pairs[n - 1];
    }
    T distance[pair_tile], envelope[pair_tile], envelope_slope[pair_tile];
    for (int k = 0; k < padded; ++k) {
      for (int d = 0; d < 3; ++d) {
        direction[d][k] = vectors[3 * static_cast<int64_t>(pair[k]) + d];
      }
    }
    for (int k = 0; k < padded; ++k) {
      T u[3] = {direction[0][k], direction[1][k], direction[2][k]};
      const T r = __builtin_sqrt(u[0] * u[0] + u[1] * u[1] + u[2] * u[2]);
      const T inverse = 1 / r;
      distance[k] = r;
      inverse_distance[k] = inverse;
      for (int d = 0; d < 3; ++d) {
        u[d] *= inverse;
        direction[d][k] = u[d];
      }
      HIPNN_TS_UNROLL
      for (int c = 0; c < C; ++c) {
        components[c][k] = with_slopes ? contraction_factor(c, u) : component<T>(c, u);
      }
      // Written such that a NaN distance counts as inside.
      const Envelope<T> e = envelope_at(r >= radial.cutoff ? radial.cutoff : r, radial.cutoff);
      envelope[k] = e.value;
      envelope_slope[k] = e.slope;
    }
    for (int k = n; k < padded; ++k) {
      envelope[k] = envelope_slope[k] = 0;
    }
    for (int b = 0; b < n_blocks; ++b) {
      window[b] = window_of_block(radial, distance + b * pair_block);
      fill_window<with_slopes>(radial, b, envelope, envelope_slope);
    }
  }

private:
  static int rows(const Radial<T>& radial) {
    return (radial.n_sensitivities + sensitivity_block - 1) / sensitivity_block * sensitivity_block;
  }

  static inline Window window_of_block(const Radial<T>& radial, const T* distance) {
    const T per_bin = window_bins / radial.cutoff;
    int begin = radial.n_sensitivities, end = 0;
    for (int k = 0; k < pair_block; ++k) {
      const auto at = static_cast<int32_t>(distance[k] * per_bin);
      const int bin = at >= window_bins ? window_bins - 1 : at < 0 ? 0 : at;
      const int first = radial.first[bin], last = first + radial.count[bin];
      begin = first < begin ? first : begin;
      end = last > end ? last : end;
    }
    return {static_cast<int16_t>(begin < end ? begin : end), static_cast<int16_t>(end)};
  }

  /// For block b; envelopes and their slopes are the tile's.
  template <bool with_slopes>
  inline void
  fill_window(const Radial<T>& radial, int b, const T* envelope, const T* envelope_slope) {
    constexpr int width = block_lanes<T>;
    using F = Chunk<T, width>;
    const Window& w = window[b];
    const int rounded_begin = w.begin / sensitivity_block * sensitivity_block;
    for (int first = b * pair_block; first < (b + 1) * pair_block; first += width) {
      const auto put = [&](T* rows, int v, const F& values) __attribute__((always_inline)) {
        values.store(rows + v * pair_tile + first);
      };
      const auto clear = [&](int v) __attribute__((always_inline)) {
        put(sensitivities, v, F::zero());
        if constexpr (with_slopes) {
          put(slopes, v, F::zero());
        }
      };
      const auto x = F::load(inverse_distance + first).v[0];
      const auto c = F::load(envelope + first).v[0], c_slope = F::load(envelope_slope + first).v[0];
      for (int v = rounded_begin; v < w.begin; ++v) {
        clear(v);
      }
      for (int v = w.begin; v < w.end; ++v) {
        const T sigma = radial.sigma[v];
        const auto z = (x - radial.inverse_mu[v]) * sigma;
        const auto gaussian = exponentials<T, width>(gaussian_exponent(z));
        put(sensitivities, v, F{{gaussian * c}});
        if constexpr (with_slopes) {
          put(slopes, v, F{{sensitivity_slope(gaussian, z * sigma, x, c, c_slope)}});
        }
      }
      for (int v = w.end; v % sensitivity_block != 0; ++v) {
        clear(v);
      }
    }
  }
};

} // namespace HIPNN_TS_ISA
} // namespace hipnn_ts
