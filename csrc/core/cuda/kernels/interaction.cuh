// SPDX-License-Identifier: BSD-3-Clause
//
// One interaction layer for inference, a warp for each receiver or sender. Nothing of size pairs x
// features exists, and no sum depends on the order in which warps run.
#pragma once

#include "invariants.cuh"
#include "pair_tile.cuh"

namespace hipnn_ts {
namespace cuda {

/// A lane's part of four rows, so that four loads are in flight.
__device__ inline void fetch_rows(const Real* rows, Lane (&p)[4]) {
  for (int k = 0; k < 4; ++k) {
    p[k] = Lane::fetch(rows + k * F);
  }
}

/// A lane's part of a pair's window in `projections` (n, V, F).
__device__ inline const Real* window_rows(const Real* projections, int sender, int first) {
  return projections + static_cast<long long>(sender) * (V * F) + first * F +
         lane() * LANE_FEATURES;
}

/// Adds the tile's messages to a lane's moments.
__device__ inline void
add_messages(const PairTile& tile, unsigned active, const Real* projections, Lane (&E)[C]) {
  while (active) {
    const int k = take_lowest(active);
    const Places at = tile.places_of(k);
    const Real* rows = window_rows(projections, at.other, at.first);
    Lane m = Lane::zero();
    for (int w = 0; w < at.count; w += 4, rows += 4 * F) {
      Lane p[4];
      fetch_rows(rows, p);
      const Reals<4> s = Reals<4>::load(tile.sensitivities[k] + w);
      for (int j = 0; j < 4; ++j) {
        m.add(s.v[j], p[j]);
      }
    }
    const Geometry pair = tile.geometry_of(k);
#pragma unroll
    for (int c = 0; c < C; ++c) {
      E[c].add(component<Real>(c, pair.u), m);
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

/// Adds a pair's gradients along its distance and direction to the tile's sums, and those of the
/// sender's `projections` to `window`.
__device__ inline void pair_backward(
    BackwardTile& tile, int k, const Real* projections, const Lane (&G)[C], Real* window) {
  const Geometry pair = tile.geometry_of(k);
  const auto g = contract<l_max, Lane>(pair.u, [&](int c) { return G[c]; });
  Lane m = Lane::zero(), m_slope = Lane::zero();
  const Places at = tile.places_of(k);
  const Real* rows = window_rows(projections, 0, at.first);
  Real* own = window + at.first * F + lane() * LANE_FEATURES;
  for (int w = 0; w < at.count; w += 4, rows += 4 * F, own += 4 * F) {
    Lane p[4];
    fetch_rows(rows, p);
    const Reals<4> s = Reals<4>::load(tile.sensitivities[k] + w);
    const Reals<4> slope = Reals<4>::load(tile.slopes[k] + w);
    for (int j = 0; j < 4; ++j) {
      m.add(s.v[j], p[j]);
      m_slope.add(slope.v[j], p[j]);
      if (s.v[j] != 0) {
        Lane sum = Lane::load(own + j * F);
        sum.add(s.v[j], g.distance);
        sum.store(own + j * F);
      }
    }
  }
  const Real sum = warp_sums(
      g.distance.dot(m_slope), m.dot(g.direction[0]), m.dot(g.direction[1]), m.dot(g.direction[2]));
  if (lane() % (warp_size / 4) == 0) {
    tile.sums[lane() / (warp_size / 4)][k] = sum;
  }
}

/// Adds the tile's sums for this lane's pair to its gradient.
__device__ inline void add_tile_gradient(const BackwardTile& tile, Real* vector_gradients) {
  const int k = lane();
  add_vector_gradient(
      tile.geometry_of(k), {tile.sums[0][k], {tile.sums[1][k], tile.sums[2][k], tile.sums[3][k]}},
      vector_gradients + 3LL * tile.places_of(k).pair);
}

/// The first warp's moments become the sum over all warps that share its group.
__device__ inline void add_parts(Lane (&E)[C], Real* shared) {
  __syncthreads(); // all have read their tiles, whose memory is reused
  for (int c = 0; c < C; ++c) {
    store(E[c], shared + (warp() * C + c) * F);
  }
  __syncthreads();
  for (int other = 1; warp() == 0 && other < blockDim.x / warp_size; ++other) {
    for (int c = 0; c < C; ++c) {
      E[c].add(1, load(shared + (other * C + c) * F));
    }
  }
}

KERNEL(interaction_forward, ForwardArguments<Real>) {
  DYNAMIC_SHARED(shared);
  PairTile& tile = reinterpret_cast<PairTile*>(shared)[warp()];
  const long long i = group_of_warp(x.pairs);
  if (i >= x.pairs.n_groups) {
    return;
  }
  Lane E[C];
  moments_of(tile, x.pairs, i, E);
  if (x.pairs.share > 1) {
    add_parts(E, reinterpret_cast<Real*>(shared));
    if (warp() > 0) {
      return;
    }
  }
  const int begin = x.pairs.feature_begin;
  for (int c = 0; c < C; ++c) {
    store(E[c], x.moments + (i * C + c) * A + begin);
  }
  store(invariants(E, x.invariants, begin), x.out + i * A + begin);
}

/// A lane's part of the moment gradients of a receiver.
__device__ inline void
fetch_gradients(const SenderBackwardArguments<Real>& x, int receiver, Lane (&G)[C]) {
  const Real* from =
      x.moment_gradients + static_cast<long long>(receiver) * (C * A) + x.pairs.feature_begin;
  for (int c = 0; c < C; ++c) {
    G[c] = fetch(from + c * A);
  }
}

KERNEL(sender_backward, SenderBackwardArguments<Real>) {
  // After the tiles, the gradients of each warp's projections.
  DYNAMIC_SHARED(shared);
  BackwardTile* tiles = reinterpret_cast<BackwardTile*>(shared);
  BackwardTile& tile = tiles[warp()];
  Real* windows = reinterpret_cast<Real*>(tiles + blockDim.x / warp_size);
  Real* window = windows + warp() * V * F;
  const long long j = group_of_warp(x.pairs);
  if (j >= x.pairs.n_groups) {
    return;
  }
  for (int v = 0; v < V; ++v) {
    store(Lane::zero(), window + v * F);
  }
  const Real* projections = x.pairs.projections + j * V * F;
  for_tiles(tile, x.pairs, x.first_group + j, [&](const unsigned lanes) {
    unsigned active = lanes;
    // The next pair's gradients are loaded while one is processed.
    Lane even[C], odd[C];
    int n = __popc(active), k = n > 0 ? take_lowest(active) : 0;
    const auto work = [&](const Lane(&G)[C], Lane(&next)[C]) {
      const int own = k;
      k = active ? take_lowest(active) : k;
      fetch_gradients(x, tile.places_of(k).other, next);
      pair_backward(tile, own, projections, G, window);
      return --n > 0;
    };
    if (n > 0) {
      fetch_gradients(x, tile.places_of(k).other, even);
      while (work(even, odd) && work(odd, even)) {
      }
    }
    __syncwarp();
    if (lanes >> lane() & 1u) {
      add_tile_gradient(tile, x.vector_gradients);
    }
  });
  const int share = x.pairs.share;
  if (share > 1) {
    __syncthreads();
    window = windows;
  }
  for (int v = part_of_group(x.pairs); v < V; v += share) {
    Lane sum = load(window + v * F);
    for (int other = 1; other < share; ++other) {
      sum.add(1, load(window + (other * V + v) * F));
    }
    store(sum, x.projection_gradients + (j * V + v) * F);
  }
}

} // namespace cuda
} // namespace hipnn_ts
