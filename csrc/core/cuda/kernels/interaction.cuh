// SPDX-License-Identifier: BSD-3-Clause
//
// One interaction layer for inference, a warp for each receiver or sender. Nothing of size pairs x
// features exists, and no sum depends on the order in which warps run.
#pragma once

#include "invariants.cuh"
#include "pair_tile.cuh"

namespace hipnn_ts {
namespace cuda {

/// Adds the tile's messages to a lane's moments.
__device__ inline void
add_messages(const PairTile& tile, unsigned active, const Real* projections, Lane (&E)[C]) {
  while (active) {
    const int k = take_lowest(active);
    const Real* row = tile.projections(projections, k);
    Lane m = Lane::zero();
    for (int w = 0; w < tile.count[k]; ++w) {
      m.add(tile.sensitivities[k][w], Lane::at(row + w * F));
    }
    E[0].add(1, m);
    if constexpr (C >= 4) {
      const Real x = tile.direction[0][k], y = tile.direction[1][k], z = tile.direction[2][k];
      E[1].add(x, m);
      E[2].add(y, m);
      E[3].add(z, m);
      if constexpr (C >= 9) {
        E[4].add(x * x - Real(1) / 3, m);
        E[5].add(x * y, m);
        E[6].add(x * z, m);
        E[7].add(y * y - Real(1) / 3, m);
        E[8].add(y * z, m);
      }
    }
  }
}

__device__ inline void
moments_of(PairTile& tile, const PairArguments<Real>& x, long long receiver, Lane (&E)[C]) {
  for (int c = 0; c < C; ++c) {
    E[c] = Lane::zero();
  }
  for_tiles<false>(
      tile, x, receiver, [&](unsigned active) { add_messages(tile, active, x.projections, E); });
}

/// A pair's gradients along its distance and its direction go to the tile's sums. `projections` are
/// all rows, or those of one sender, and then their gradients go to `window`.
template <bool with_projections>
__device__ inline void
pair_backward(PairTile& tile, int k, const Real* projections, const Lane (&G)[C], Real* window) {
  const Real ux = tile.direction[0][k], uy = tile.direction[1][k], uz = tile.direction[2][k];
  Lane d = G[0], x = Lane::zero(), y = x, z = x;
  if constexpr (C >= 4) {
    x = G[1];
    y = G[2];
    z = G[3];
    if constexpr (C >= 9) {
      x.add(ux, G[4]);
      x.add(uy, G[5]);
      x.add(uz, G[6]);
      y.add(ux, G[5]);
      y.add(uy, G[7]);
      y.add(uz, G[8]);
      z.add(ux, G[6]);
      z.add(uy, G[8]);
    }
    d.add(ux, x);
    d.add(uy, y);
    d.add(uz, z);
    if constexpr (C >= 9) {
      // The direction enters E2 twice.
      for (int e = 0; e < LANE_FEATURES; ++e) {
        x.v[e] = 2 * x.v[e] - G[1].v[e];
        y.v[e] = 2 * y.v[e] - G[2].v[e];
        z.v[e] = 2 * z.v[e] - G[3].v[e];
      }
    }
  }
  Lane m = Lane::zero(), m_slope = Lane::zero();
  const Real* row =
      with_projections ? projections + tile.first[k] * F : tile.projections(projections, k);
  for (int w = 0; w < tile.count[k]; ++w) {
    const Lane p = Lane::at(row + w * F);
    m.add(tile.sensitivities[k][w], p);
    m_slope.add(tile.slopes[k][w], p);
    if constexpr (with_projections) {
      Lane::at(window + (tile.first[k] + w) * F).add(tile.sensitivities[k][w], d);
    }
  }
  const Real sum = warp_sums(d.dot(m_slope), m.dot(x), m.dot(y), m.dot(z));
  if (lane() % (warp_size / 4) == 0) {
    tile.sums[lane() / (warp_size / 4)][k] = sum;
  }
}

/// Adds what the tile's sums say about this lane's pair to its gradient.
__device__ inline void add_vector_gradient(const PairTile& tile, Real* vector_gradients) {
  const int k = lane();
  const Real u[3] = {tile.direction[0][k], tile.direction[1][k], tile.direction[2][k]};
  const Real g[3] = {tile.sums[1][k], tile.sums[2][k], tile.sums[3][k]};
  // Only the part across the direction turns it.
  const Real inverse = tile.inverse_distance[k];
  const Real along = tile.sums[0][k] - (g[0] * u[0] + g[1] * u[1] + g[2] * u[2]) * inverse;
  for (int d = 0; d < 3; ++d) {
    vector_gradients[3 * tile.pair[k] + d] += along * u[d] + g[d] * inverse;
  }
}

/// All active pairs of the tile. load(k, G) gives the moment gradients of pair k's receiver.
template <bool with_projections, class Load>
__device__ inline void tile_backward(
    PairTile& tile, unsigned active, const Real* projections, Real* window, Real* vector_gradients,
    const Load& load) {
  for (unsigned left = active; left;) {
    const int k = take_lowest(left);
    Lane G[C];
    load(k, G);
    pair_backward<with_projections>(tile, k, projections, G, window);
  }
  __syncwarp();
  if (active >> lane() & 1u) {
    add_vector_gradient(tile, vector_gradients);
  }
}

KERNEL(interaction_forward, ForwardArguments<Real>) {
  DYNAMIC_SHARED(shared);
  PairTile& tile = reinterpret_cast<PairTile*>(shared)[warp()];
  const long long i = grid_warp();
  if (i >= x.pairs.n_groups) {
    return;
  }
  Lane E[C];
  moments_of(tile, x.pairs, i, E);
  const int begin = x.pairs.feature_begin;
  if (x.moments) {
    for (int c = 0; c < C; ++c) {
      Lane::at(x.moments + (i * C + c) * A + begin) = E[c];
    }
  }
  Lane::at(x.out + i * A + begin) = invariants(E, x.invariants, begin);
}

KERNEL(first_interaction_backward, FirstBackwardArguments<Real>) {
  DYNAMIC_SHARED(shared);
  PairTile& tile = reinterpret_cast<PairTile*>(shared)[warp()];
  const long long i = grid_warp();
  if (i >= x.pairs.n_groups) {
    return;
  }
  const int begin = x.pairs.feature_begin;
  Lane own[C];
  moments_of(tile, x.pairs, i, own);
  invariants_backward(own, x.invariants, begin, Lane::at(x.out_gradients + i * A + begin));
  for_tiles<true>(tile, x.pairs, i, [&](unsigned active) {
    tile_backward<false>(
        tile, active, x.pairs.projections, nullptr, x.vector_gradients, [&](int, Lane(&G)[C]) {
          for (int c = 0; c < C; ++c) {
            G[c] = own[c];
          }
        });
  });
}

/// A warp for the F features of one pass of one atom; blockIdx.y is the pass.
KERNEL(moment_gradients, MomentGradientArguments<Real>) {
  const long long i = grid_warp();
  if (i >= x.n) {
    return;
  }
  const int begin = blockIdx.y * F;
  Real* own = x.moments + i * C * A + begin;
  Lane E[C];
  for (int c = 0; c < C; ++c) {
    E[c] = Lane::at(own + c * A);
  }
  invariants_backward(E, x.invariants, begin, Lane::at(x.out_gradients + i * A + begin));
  for (int c = 0; c < C; ++c) {
    Lane::at(own + c * A) = E[c];
  }
}

KERNEL(sender_backward, SenderBackwardArguments<Real>) {
  // Behind the tiles, the gradients of each warp's projections.
  DYNAMIC_SHARED(shared);
  PairTile& tile = reinterpret_cast<PairTile*>(shared)[warp()];
  const int tiles = pair_tiles_bytes(blockDim.x / warp_size, sizeof(Real), MAX_WINDOW);
  Real* window = reinterpret_cast<Real*>(shared + tiles) + warp() * V * F;
  const long long j = grid_warp();
  if (j >= x.pairs.n_groups) {
    return;
  }
  for (int v = 0; v < V; ++v) {
    Lane::at(window + v * F) = Lane::zero();
  }
  const Real* projections = x.pairs.projections + j * V * F;
  for_tiles<true>(tile, x.pairs, x.first_group + j, [&](unsigned active) {
    // Rows of the tile are receivers here; the projections are the sender's own.
    const auto load = [&](int k, Lane(&G)[C]) {
      const Real* from = x.moment_gradients + static_cast<long long>(tile.row[k]) * (C * A) +
                         x.pairs.feature_begin;
      for (int c = 0; c < C; ++c) {
        G[c] = Lane::at(from + c * A);
      }
    };
    tile_backward<true>(tile, active, projections, window, x.vector_gradients, load);
  });
  for (int v = 0; v < V; ++v) {
    Lane::at(x.projection_gradients + (j * V + v) * F) = Lane::at(window + v * F);
  }
}

} // namespace cuda
} // namespace hipnn_ts
