// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "core/repulsion_terms.hpp"
#include "prelude.cuh"

namespace hipnn_ts {
namespace cuda {

/// A warp for each receiver, which gets half of each pair's energy.
KERNEL(repulsion, RepulsionArguments<Real>) {
  const long long i = grid_warp();
  if (i >= x.n_receivers) {
    return;
  }
  const RepulsionTerms* own = x.terms + static_cast<long long>(x.species[i]) * x.n_species;
  double energy = 0;
  for (long long k = x.by_receiver.begin[i] + lane(); k < x.by_receiver.end[i]; k += warp_size) {
    const long long p = pair_at(x.by_receiver, k);
    const double v[3] = {x.vectors[3 * p], x.vectors[3 * p + 1], x.vectors[3 * p + 2]};
    const double squared = v[0] * v[0] + v[1] * v[1] + v[2] * v[2];
    if (!(squared < x.reach * x.reach)) {
      continue; // most pairs
    }
    const double r = sqrt(squared);
    const RepulsionTerms& terms = own[x.species[x.by_receiver.others[k]]];
    if (!(r < terms.outer)) {
      continue;
    }
    const RadialEnergy pair = repulsion_at(r, terms);
    energy += pair.energy / 2;
    for (int d = 0; x.vector_gradients && d < 3; ++d) {
      x.vector_gradients[3 * p + d] += static_cast<Real>(pair.slope / 2 * v[d] / r);
    }
  }
  energy = warp_sum(energy);
  if (x.energies && lane() == 0) {
    x.energies[i] += energy;
  }
}

} // namespace cuda
} // namespace hipnn_ts
