// SPDX-License-Identifier: BSD-3-Clause
//
// Loops over the pairs of one atom, and the addition to their gradients.
#pragma once

#include "core/cpu/pair_tile.hpp"

namespace hipnn_ts {
namespace HIPNN_TS_ISA {

constexpr int message_pairs = 16; // whose messages, or their gradients, stay in the nearest cache

/// Calls body() for each tile of `n` pairs, after `tile` was filled with it.
template <class T, int C, bool slopes, class Body>
inline __attribute__((always_inline)) void for_pair_tiles(
    const BlockProblem<T>& x, const int32_t* pairs, int64_t n, PairTile<T>& tile,
    const Body& body) {
  for (int64_t begin = 0; begin < n; begin += pair_tile) {
    const int64_t left = n - begin;
    tile.template fill<C, slopes>(
        x.weights->radial, x.vectors, pairs + begin,
        static_cast<int>(left < pair_tile ? left : pair_tile));
    body();
  }
}

/// Gradients along the distance and with respect to the direction of a tile's pairs.
template <class T> struct PairGradients {
  T distance[pair_tile], direction[3][pair_tile];
};

/// Adds the resulting dE/dr_p (P, 3).
template <class T>
inline void
add_vector_gradients(const PairTile<T>& tile, const PairGradients<T>& g, T* vector_gradients) {
  T out[3][pair_tile];
  for (int k = 0; k < tile.n_blocks * pair_block; ++k) {
    const PairSums<T> sums{
        g.distance[k], {g.direction[0][k], g.direction[1][k], g.direction[2][k]}};
    const T u[3] = {tile.direction[0][k], tile.direction[1][k], tile.direction[2][k]};
    T change[3];
    vector_gradient(sums, u, tile.inverse_distance[k], change);
    for (int d = 0; d < 3; ++d) {
      out[d][k] = change[d];
    }
  }
  for (int k = 0; k < tile.size; ++k) {
    T* gradient = vector_gradients + 3 * static_cast<int64_t>(tile.pair[k]);
    for (int d = 0; d < 3; ++d) {
      gradient[d] += out[d][k];
    }
  }
}

/// Lanes of the accumulators that fit in registers beside the operands, given the number of sums of
/// each vector of features.
template <class T> constexpr int lanes_for(int sums) {
  const int registers = vector_registers;
  int vectors = 4;
  while (vectors > 1 && vectors * (sums + 1) + 2 > registers) {
    vectors /= 2;
  }
  return vectors * max_lanes<T>;
}

} // namespace HIPNN_TS_ISA
} // namespace hipnn_ts
