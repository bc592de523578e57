// SPDX-License-Identifier: BSD-3-Clause
//
// Whether a step is within the training data, and its results finite. The only atomics are of
// integers: the answer is the same in every run.
#pragma once

#include "check_arguments.hpp"
#include "prelude.cuh"

namespace hipnn_ts {
namespace cuda {

/// A warp for each receiver. The arithmetic is that of ClosestApproach::find.
KERNEL(find_close_pairs, ClosePairsArguments<Real>) {
  const long long i = grid_warp();
  if (i >= x.n_receivers) {
    return;
  }
  const double* limits = x.limits + static_cast<long long>(x.species[i]) * x.n_species;
  for (long long p = x.by_receiver.begin[i] + lane(); p < x.by_receiver.end[i]; p += warp_size) {
    double squared = 0;
    for (int d = 0; d < 3; ++d) {
      const double component = x.vectors[3 * p + d];
      squared += component * component;
    }
    const double limit = limits[x.species[x.by_receiver.others[p]]];
    if (squared < limit * limit) {
      *x.flag = 1; // whoever writes, writes the same
    }
  }
}

KERNEL(find_not_finite, NotFiniteArguments) {
  for (long long i = grid_thread(); i < x.n; i += grid_threads()) {
    double sum = x.energies[i];
    for (int d = 0; d < 3; ++d) {
      sum += x.forces[3 * i + d];
    }
    if (!(sum - sum == 0)) {
      atomicMax(x.wrong, static_cast<int>(x.n - i));
    }
  }
}

} // namespace cuda
} // namespace hipnn_ts
