// SPDX-License-Identifier: BSD-3-Clause
//
// Geometry and sensitivities of 32 pairs, one for each lane, for the whole warp to read.
#pragma once

#include "prelude.cuh"

namespace hipnn_ts {
namespace cuda {

/// Of a pair: `row` of the projections, or the receiver in the sender's walk; its window.
struct Places {
  int row, first, count, pair;
};

/// Of a pair: its direction and 1 / distance.
struct Geometry {
  Real x, y, z, inverse;
};

/// In shared memory, one for each warp. A pair's numbers are read at once by all lanes.
struct PairTile {
  static constexpr int window = pair_window(MAX_WINDOW);

  Real geometry[warp_size][4];
  int places[warp_size][4];
  // Zero from the end of the window to a multiple of four.
  Real sensitivities[warp_size][window];
  // Of the way back only: ds/dr, and the sums over features that make a pair's gradient.
  Real slopes[warp_size][window];
  Real sums[4][warp_size];

  __device__ Places places_of(int k) const {
    const int4 at = *reinterpret_cast<const int4*>(places[k]);
    return {at.x, at.y, at.z, at.w};
  }
  __device__ Geometry geometry_of(int k) const {
    const Reals<4> u = Reals<4>::load(geometry[k]);
    return {u.v[0], u.v[1], u.v[2], u.v[3]};
  }
};

static_assert(sizeof(PairTile) == pair_tile_bytes(sizeof(Real), MAX_WINDOW), "see arguments.hpp");

/// Fills this lane's column with a pair; false where it is beyond the cutoff or nothing matters.
template <bool with_slopes>
__device__ inline bool fill(PairTile& tile, const PairArguments<Real>& x, long long p) {
  const RadialArguments<Real>& radial = x.radial;
  const Real* r = x.vectors + 3 * p;
  const Real distance = sqrt(r[0] * r[0] + r[1] * r[1] + r[2] * r[2]);
  // Written so that a NaN distance counts as inside and reaches the energy instead of vanishing.
  if (distance >= radial.cutoff) {
    return false;
  }
  const bool real = distance == distance;
  int bin = real ? static_cast<int>(distance * (window_bins / radial.cutoff)) : 0;
  bin = bin < window_bins ? bin : window_bins - 1;
  const int first = radial.first[bin];
  const int count = real ? radial.count[bin] : 1;
  if (count == 0) {
    return false;
  }
  const int k = lane();
  const Real inverse = 1 / distance;
  Reals<4>{{r[0] * inverse, r[1] * inverse, r[2] * inverse, inverse}}.store(tile.geometry[k]);
  *reinterpret_cast<int4*>(tile.places[k]) = {x.rows[p], first, count, static_cast<int>(p)};
  // cos(pi r / 2R) = sin(t): measured from the cutoff, where relative accuracy would be lost.
  Real sine, cosine;
  sincospi(Real(0.5) * (1 - distance / radial.cutoff), &sine, &cosine);
  const Real envelope = sine * sine;
  const Real envelope_slope = -(Real(3.14159265358979323846) / radial.cutoff) * sine * cosine;
  for (int w = 0; w < count; ++w) {
    const Real sigma = radial.sigma[first + w];
    const Real z = (inverse - radial.inverse_mu[first + w]) * sigma;
    const Real gaussian = exp(Real(-0.5) * z * z);
    tile.sensitivities[k][w] = gaussian * envelope;
    if (with_slopes) {
      tile.slopes[k][w] = gaussian * (envelope_slope + envelope * z * sigma * inverse * inverse);
    }
  }
  for (int w = count; w % 4 != 0; ++w) {
    tile.sensitivities[k][w] = 0;
    if (with_slopes) {
      tile.slopes[k][w] = 0;
    }
  }
  return true;
}

/// Calls body(active) for each 32 pairs of a group once the tile holds them; `active` has the bits
/// of lanes whose pair takes part.
template <bool with_slopes, class Body>
__device__ inline void
for_tiles(PairTile& tile, const PairArguments<Real>& x, long long group, const Body& body) {
  const long long end = x.groups.end[group];
  for (long long begin = x.groups.begin[group]; begin < end; begin += warp_size) {
    const long long entry = begin + lane();
    bool active = false;
    if (entry < end) {
      const long long p = x.groups.pairs ? x.groups.pairs[entry] : entry;
      active = fill<with_slopes>(tile, x, p);
    }
    // A ballot orders no memory: what other lanes filled is there after the barrier.
    const unsigned lanes = __ballot_sync(all_lanes, active);
    __syncwarp();
    body(lanes);
    __syncwarp(); // all have read before the next tile is filled
  }
}

/// Position of the lowest bit, taken off.
__device__ inline int take_lowest(unsigned& bits) {
  const int k = __ffs(bits) - 1;
  bits &= bits - 1;
  return k;
}

} // namespace cuda
} // namespace hipnn_ts
