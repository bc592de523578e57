// SPDX-License-Identifier: BSD-3-Clause
//
// The first block: the features of neighbours depend only on their species there, so a receiver's
// pairs are summed before features come in, R_c,k = sum of Y_c s_v with k = (species of the sender,
// v). Radial moments are these mixed by SpeciesTable's L, in double precision because all features
// follow from them; moments are their dense product with its Q.
#pragma once

#include "pair_tile.cuh"

namespace hipnn_ts {
namespace cuda {

/// Number of species in a pass.
struct PassSpecies {
  int first, n;

  __device__ explicit PassSpecies(const RadialMomentArguments<Real>& x)
      : first(blockIdx.y * x.pass_species), n(x.n_species - first) {
    n = n < x.pass_species ? n : x.pass_species;
  }
};

/// First position of this lane if a group's warps divide a row.
__device__ inline int first_of_part(const RadialMomentArguments<Real>& x) {
  return part_of_group(x.pairs) * warp_size + lane();
}

/// The lanes of a warp are some sensitivities times C components.
KERNEL(radial_moments, RadialMomentArguments<Real>) {
  DYNAMIC_SHARED(shared);
  RadialTile* tiles = reinterpret_cast<RadialTile*>(shared);
  RadialTile& tile = tiles[warp()];
  const int size = C * x.pass_species * V;
  double* all_sums = reinterpret_cast<double*>(tiles + blockDim.x / warp_size);
  double* sums = all_sums + warp() * size;
  const long long i = group_of_warp(x.pairs);
  if (i >= x.pairs.n_groups) {
    return;
  }
  constexpr int at_once = warp_size / C;
  const int c = lane() % C, own = lane() / C;
  const PassSpecies species(x);
  for (int k = lane(); k < size; k += warp_size) {
    sums[k] = 0;
  }
  __syncwarp();
  unsigned seen = 0;
  for_tiles(tile, x.pairs, x.first_receiver + i, [&](unsigned active) {
    while (active) {
      const int k = take_lowest(active);
      const Places at = tile.places_of(k);
      const int s = at.other - species.first;
      if (s < 0 || s >= species.n) {
        continue;
      }
      seen |= 1u << s;
      if (own < at_once) {
        const double y = component<double>(c, tile.geometry[k]);
        double* row = sums + (s * V + at.first) * C + c;
        // A sum belongs to one lane, whatever the window, so there is no barrier between pairs.
        for (int w = (own + V * at_once - at.first) % at_once; w < at.count; w += at_once) {
          row[w * C] += y * static_cast<double>(tile.sensitivities[k][w]);
        }
      }
    }
  });
  __syncwarp();
  const int n = species.n * V, share = x.pairs.share, own_first = first_of_part(x);
  if (share > 1) {
    __syncthreads();
    for (int k = own_first; k < size; k += warp_size * share) {
      for (int other = 1; other < share; ++other) {
        all_sums[k] += all_sums[other * size + k];
      }
    }
    __syncthreads();
    sums = all_sums;
    seen = all_lanes; // pairs of other warps
  }
  for (int k = own_first; k < C * n; k += warp_size * share) {
    const int d = k / n, s = k % n / V, v = k % V;
    double mixed = 0;
    if (seen >> s & 1u) {
      const double* l = x.mixing + static_cast<long long>(species.first + s) * V * V + v;
#pragma unroll 4
      for (int w = 0; w < V; ++w) { // L is zero above its diagonal
        mixed += l[w * V] * sums[(s * V + w) * C + d];
      }
    }
    x.radial_moments[((i * C + d) * x.n_species + species.first + s) * V + v] =
        static_cast<Real>(mixed);
  }
}

/// Adds a pair's gradient, given that of the sums R (K, C) from its window on, in the form that
/// invariants_backward writes.
__device__ inline void add_pair_gradient(
    const RadialArguments<Real>& radial, const PairShape& shape, const Real* rows, Real* gradient) {
  const Real* u = shape.geometry.u;
  Real along = 0, sums[C] = {};
#pragma unroll 1 // windows are short, and registers scarce
  for (int w = 0; w < shape.count; ++w) {
    Real value, slope;
    shape.sensitivity(radial, w, value, slope);
    const Real* g = rows + w * C;
    along += slope * contract<l_max, Real>(u, [&](int c) { return g[c]; }).distance;
    for (int c = 1; c < C; ++c) {
      sums[c] += value * g[c];
    }
  }
  auto g = contract<l_max, Real>(u, [&](int c) { return sums[c]; });
  g.distance = along;
  add_vector_gradient(shape.geometry, g, gradient);
}

/// A lane for each pair.
KERNEL(radial_backward, RadialMomentArguments<Real>) {
  DYNAMIC_SHARED(shared);
  const int size = C * x.pass_species * V, share = x.pairs.share;
  Real* rows = reinterpret_cast<Real*>(shared) + (share > 1 ? 0 : warp() * size);
  const long long i = group_of_warp(x.pairs);
  if (i >= x.pairs.n_groups) {
    return;
  }
  const PassSpecies species(x);
  const int n = species.n * V;
  for (int k = first_of_part(x); k < C * n; k += warp_size * share) {
    const int d = k / n, s = k % n / V, v = k % V;
    const double* l = x.mixing + (static_cast<long long>(species.first + s) * V + v) * V;
    const Real* g = x.radial_moments + ((i * C + d) * x.n_species + species.first + s) * V;
    double mixed = 0;
#pragma unroll 4
    for (int w = 0; w < V; ++w) {
      mixed += l[w] * static_cast<double>(g[w]);
    }
    rows[k % n * C + d] = static_cast<Real>(mixed);
  }
  if (share > 1) {
    __syncthreads();
  }
  __syncwarp();
  const Groups& groups = x.pairs.groups;
  const long long group = x.first_receiver + i;
  for (long long k = groups.begin[group] + first_of_part(x); k < groups.end[group];
       k += warp_size * share) {
    const long long p = pair_at(groups, k);
    const int s = x.pairs.species[groups.others[k]] - species.first;
    const PairShape shape(x.pairs, p);
    if (s >= 0 && s < species.n && shape.count > 0) {
      add_pair_gradient(
          x.pairs.radial, shape, rows + (s * V + shape.first) * C, x.vector_gradients + 3 * p);
    }
  }
}

} // namespace cuda
} // namespace hipnn_ts
