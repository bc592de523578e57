// SPDX-License-Identifier: BSD-3-Clause
//
// Geometry and sensitivities of 32 pairs, one for each lane, for the whole warp to read.
#pragma once

#include "envelope.cuh"

namespace hipnn_ts {
namespace cuda {

/// For a pair: the atom at its other end, or that atom's species in the first block; its window.
struct Places {
  int other, first, count, pair;
};

/// For a pair: its direction and 1 / distance.
struct Geometry {
  Real u[3], inverse;
};

/// In shared memory, one for each warp. All lanes read a pair's numbers at once.
struct PairTile {
  static constexpr int window = pair_window(MAX_WINDOW);
  static constexpr bool with_slopes = false;
  static constexpr int together = 4; // windows are multiples of this, zeros included

  Real geometry[warp_size][4];
  int places[warp_size][4];
  Real sensitivities[warp_size][window];

  __device__ Places places_of(int k) const {
    const int4 at = *reinterpret_cast<const int4*>(places[k]);
    return {at.x, at.y, at.z, at.w};
  }
  __device__ Geometry geometry_of(int k) const {
    const Reals<4> g = Reals<4>::load(geometry[k]);
    return {{g.v[0], g.v[1], g.v[2]}, g.v[3]};
  }
};

/// For the backward pass: ds/dr, and the sums over features that form a pair's gradient.
struct BackwardTile : PairTile {
  static constexpr bool with_slopes = true;

  Real slopes[warp_size][window];
  Real sums[4][warp_size];
};

struct RadialTile : PairTile {
  static constexpr int together = 1;
};

static_assert(
    sizeof(PairTile) == pair_tile_bytes(sizeof(Real), MAX_WINDOW, false) &&
        sizeof(BackwardTile) == pair_tile_bytes(sizeof(Real), MAX_WINDOW, true),
    "see arguments.hpp");

/// A pair's geometry and the common factors of its sensitivities.
struct PairShape {
  Geometry geometry;
  int first, count; // zero if it is beyond the cutoff or no sensitivity matters
  Envelope<Real> envelope;

  __device__ PairShape(const PairArguments<Real>& x, long long p) : count(0) {
    const RadialArguments<Real>& radial = x.radial;
    const Real* r = x.vectors + 3 * p;
    const Real distance = sqrt(r[0] * r[0] + r[1] * r[1] + r[2] * r[2]);
    // Written such that a NaN distance counts as inside and reaches the energy instead of
    // vanishing.
    if (distance >= radial.cutoff) {
      return;
    }
    const bool real = distance == distance;
    int bin = real ? static_cast<int>(distance * (window_bins / radial.cutoff)) : 0;
    bin = bin < window_bins ? bin : window_bins - 1;
    first = radial.first[bin];
    count = real ? radial.count[bin] : 1;
    const Real inverse = 1 / distance;
    geometry = {{r[0] * inverse, r[1] * inverse, r[2] * inverse}, inverse};
    envelope = envelope_at(distance, radial.cutoff);
  }

  /// Sensitivity w of the window and its ds/dr.
  __device__ void
  sensitivity(const RadialArguments<Real>& radial, int w, Real& value, Real& slope) const {
    const Real sigma = radial.sigma[first + w];
    const Real z = (geometry.inverse - radial.inverse_mu[first + w]) * sigma;
    const Real gaussian = exp(gaussian_exponent(z));
    value = gaussian * envelope.value;
    slope =
        sensitivity_slope(gaussian, z * sigma, geometry.inverse, envelope.value, envelope.slope);
  }
};

/// Fills this lane's column with an entry's pair; false if it takes no part.
template <class Tile>
__device__ inline bool fill(Tile& tile, const PairArguments<Real>& x, long long entry) {
  const long long p = pair_at(x.groups, entry);
  const PairShape shape(x, p);
  if (shape.count == 0) {
    return false;
  }
  const int k = lane(), other = x.groups.others[entry];
  const Geometry& g = shape.geometry;
  Reals<4>{{g.u[0], g.u[1], g.u[2], g.inverse}}.store(tile.geometry[k]);
  // Widened within the V rows, so that all may be read without a test.
  const int count = (shape.count + Tile::together - 1) / Tile::together * Tile::together;
  const int beyond = shape.first + count - V, before = beyond > 0 ? beyond : 0;
  *reinterpret_cast<int4*>(tile.places[k]) = {
      x.species ? x.species[other] : other, shape.first - before, count, static_cast<int>(p)};
  for (int w = 0; w < count; ++w) {
    Real value = 0, slope = 0;
    if (w >= before && w < before + shape.count) {
      shape.sensitivity(x.radial, w - before, value, slope);
    }
    tile.sensitivities[k][w] = value;
    if constexpr (Tile::with_slopes) {
      tile.slopes[k][w] = slope;
    }
  }
  return true;
}

/// Adds to the gradient of a pair's vector.
__device__ inline void
add_vector_gradient(const Geometry& pair, const PairSums<Real>& g, Real* gradient) {
  Real change[3];
  vector_gradient(g, pair.u, pair.inverse, change);
  for (int d = 0; d < 3; ++d) {
    gradient[d] += change[d];
  }
}

/// The group of this warp, or of its block.
__device__ inline long long group_of_warp(const PairArguments<Real>& x) {
  return grid_warp() / x.share;
}

/// Index of this warp among those that share a group.
__device__ inline int part_of_group(const PairArguments<Real>& x) {
  return warp() % x.share;
}

/// Calls body(active) for each 32 of this warp's pairs of a group, after the tile was filled with
/// them; `active` has the bits of lanes whose pair takes part.
template <class Tile, class Body>
__device__ inline void
for_tiles(Tile& tile, const PairArguments<Real>& x, long long group, const Body& body) {
  const long long end = x.groups.end[group];
  const int share = x.share, own = lane() * share + part_of_group(x);
  for (long long begin = x.groups.begin[group]; begin < end; begin += warp_size * share) {
    const long long entry = begin + own;
    const bool active = entry < end && fill(tile, x, entry);
    // A ballot does not order memory; after the barrier the columns of other lanes are visible.
    const unsigned lanes = __ballot_sync(all_lanes, active);
    __syncwarp();
    body(lanes);
    __syncwarp(); // all have read before the next tile is filled
  }
}

/// Position of the lowest bit, which is cleared.
__device__ inline int take_lowest(unsigned& bits) {
  const int k = __ffs(bits) - 1;
  bits &= bits - 1;
  return k;
}

} // namespace cuda
} // namespace hipnn_ts
