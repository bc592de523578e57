// SPDX-License-Identifier: BSD-3-Clause
//
// One interaction layer for inference, a warp for each receiver or sender. Nothing of size pairs x
// features exists, and no sum depends on the order in which warps run.
#pragma once

#include "invariants.cuh"
#include "pair_tile.cuh"

namespace hipnn_ts {
namespace cuda {

/// Four rows of projections from w on, zero beyond the window: as many loads are under way.
__device__ inline void load_rows(const Real* rows, int w, int count, Lane (&p)[4]) {
  for (int k = 0; k < 4; ++k) {
    p[k] = w + k < count ? fetch(rows + (w + k) * F) : Lane::zero();
  }
}

/// Where the window of a pair begins in `projections` (rows, V, F).
__device__ inline const Real* window_rows(const Real* projections, const Places& at) {
  return projections + (static_cast<long long>(at.row) * V + at.first) * F;
}

/// Adds the tile's messages to a lane's moments.
__device__ inline void
add_messages(const PairTile& tile, unsigned active, const Real* projections, Lane (&E)[C]) {
  while (active) {
    const int k = take_lowest(active);
    const Places at = tile.places_of(k);
    const Real* rows = window_rows(projections, at);
    Lane m = Lane::zero();
    for (int w = 0; w < at.count; w += 4) {
      Lane p[4];
      load_rows(rows, w, at.count, p);
      const Reals<4> s = Reals<4>::load(tile.sensitivities[k] + w);
      for (int j = 0; j < 4; ++j) {
        m.add(s.v[j], p[j]);
      }
    }
    E[0].add(1, m);
    if constexpr (C >= 4) {
      const Geometry u = tile.geometry_of(k);
      E[1].add(u.x, m);
      E[2].add(u.y, m);
      E[3].add(u.z, m);
      if constexpr (C >= 9) {
        E[4].add(u.x * u.x - Real(1) / 3, m);
        E[5].add(u.x * u.y, m);
        E[6].add(u.x * u.z, m);
        E[7].add(u.y * u.y - Real(1) / 3, m);
        E[8].add(u.y * u.z, m);
      }
    }
  }
}

__device__ inline void
moments_of(PairTile& tile, const PairArguments<Real>& x, long long receiver, Lane (&E)[C]) {
  for (int c = 0; c < C; ++c) {
    E[c] = Lane::zero();
  }
  for_tiles(
      tile, x, receiver, [&](unsigned active) { add_messages(tile, active, x.projections, E); });
}

/// A pair's gradients along its distance and its direction go to the tile's sums, those of the
/// sender's `projections` to `window`.
__device__ inline void pair_backward(
    BackwardTile& tile, int k, const Real* projections, const Lane (&G)[C], Real* window) {
  const Geometry u = tile.geometry_of(k);
  Lane d = G[0], x = Lane::zero(), y = x, z = x;
  if constexpr (C >= 4) {
    x = G[1];
    y = G[2];
    z = G[3];
    if constexpr (C >= 9) {
      x.add(u.x, G[4]);
      x.add(u.y, G[5]);
      x.add(u.z, G[6]);
      y.add(u.x, G[5]);
      y.add(u.y, G[7]);
      y.add(u.z, G[8]);
      z.add(u.x, G[6]);
      z.add(u.y, G[8]);
    }
    d.add(u.x, x);
    d.add(u.y, y);
    d.add(u.z, z);
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
  const Places at = tile.places_of(k);
  const Real* rows = projections + at.first * F;
  for (int w = 0; w < at.count; w += 4) {
    Lane p[4];
    load_rows(rows, w, at.count, p);
    const Reals<4> s = Reals<4>::load(tile.sensitivities[k] + w);
    const Reals<4> slope = Reals<4>::load(tile.slopes[k] + w);
    for (int j = 0; j < 4; ++j) {
      m.add(s.v[j], p[j]);
      m_slope.add(slope.v[j], p[j]);
      if (w + j < at.count) {
        Real* own = window + (at.first + w + j) * F;
        Lane sum = load(own);
        sum.add(s.v[j], d);
        store(sum, own);
      }
    }
  }
  const Real sum = warp_sums(d.dot(m_slope), m.dot(x), m.dot(y), m.dot(z));
  if (lane() % (warp_size / 4) == 0) {
    tile.sums[lane() / (warp_size / 4)][k] = sum;
  }
}

/// Adds what the tile's sums say about this lane's pair to its gradient.
__device__ inline void add_tile_gradient(const BackwardTile& tile, Real* vector_gradients) {
  const int k = lane();
  add_vector_gradient(
      tile.geometry_of(k), tile.sums[0][k], tile.sums[1][k], tile.sums[2][k], tile.sums[3][k],
      vector_gradients + 3LL * tile.places_of(k).pair);
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
  for (int c = 0; c < C; ++c) {
    store(E[c], x.moments + (i * C + c) * A + begin);
  }
  store(invariants(E, x.invariants, begin), x.out + i * A + begin);
}

// A warp for the F features of one pass of one atom; blockIdx.y is the pass.

KERNEL(moment_invariants, MomentInvariantsArguments<Real>) {
  const long long i = grid_warp();
  if (i >= x.n) {
    return;
  }
  const int begin = blockIdx.y * F;
  Lane E[C];
  for (int c = 0; c < C; ++c) {
    E[c] = fetch(x.moments + (i * C + c) * A + begin);
  }
  store(invariants(E, x.invariants, begin), x.out + i * A + begin);
}

KERNEL(moment_gradients, MomentGradientArguments<Real>) {
  const long long i = grid_warp();
  if (i >= x.n) {
    return;
  }
  const int begin = blockIdx.y * F;
  Real* own = x.moments + i * C * A + begin;
  Lane E[C];
  for (int c = 0; c < C; ++c) {
    E[c] = load(own + c * A);
  }
  invariants_backward(E, x.invariants, begin, fetch(x.out_gradients + i * A + begin));
  for (int c = 0; c < C; ++c) {
    store(E[c], own + c * A);
  }
}

KERNEL(sender_backward, SenderBackwardArguments<Real>) {
  // Behind the tiles, the gradients of each warp's projections.
  DYNAMIC_SHARED(shared);
  BackwardTile* tiles = reinterpret_cast<BackwardTile*>(shared);
  BackwardTile& tile = tiles[warp()];
  Real* window = reinterpret_cast<Real*>(tiles + blockDim.x / warp_size) + warp() * V * F;
  const long long j = grid_warp();
  if (j >= x.pairs.n_groups) {
    return;
  }
  for (int v = 0; v < V; ++v) {
    store(Lane::zero(), window + v * F);
  }
  const Real* projections = x.pairs.projections + j * V * F;
  for_tiles(tile, x.pairs, x.first_group + j, [&](unsigned active) {
    for (unsigned left = active; left;) {
      const int k = take_lowest(left);
      // Rows of the tile are receivers here.
      const Real* from = x.moment_gradients +
                         static_cast<long long>(tile.places_of(k).row) * (C * A) +
                         x.pairs.feature_begin;
      Lane G[C];
      for (int c = 0; c < C; ++c) {
        G[c] = fetch(from + c * A);
      }
      pair_backward(tile, k, projections, G, window);
    }
    __syncwarp();
    if (active >> lane() & 1u) {
      add_tile_gradient(tile, x.vector_gradients);
    }
  });
  for (int v = 0; v < V; ++v) {
    store(load(window + v * F), x.projection_gradients + (j * V + v) * F);
  }
}

} // namespace cuda
} // namespace hipnn_ts
