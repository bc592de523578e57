// SPDX-License-Identifier: BSD-3-Clause
//
// Whether a step is within the training data, and its results are finite. The only atomics act on
// integers, so the result is the same in every run.
#pragma once

#include "check_arguments.hpp"
#include "prelude.cuh"

namespace hipnn_ts {
namespace cuda {

/// A warp for each receiver. The arithmetic is that of ClosestApproach::find, which also finds
/// pairs without a direction: interactions do not notice such a pair if no sensitivity reaches it.
KERNEL(check_pairs, CheckPairsArguments<Real>) {
  const long long i = grid_warp();
  if (i >= x.n_receivers) {
    return;
  }
  for (long long p = x.by_receiver.begin[i] + lane(); p < x.by_receiver.end[i]; p += warp_size) {
    const Real* v = x.vectors + 3 * p;
    if (!(v[0] * v[0] + v[1] * v[1] + v[2] * v[2] > 0)) {
      atomicMax(x.wrong, static_cast<int>(x.n_receivers - i));
    }
    if (x.limits) {
      double squared = 0;
      for (int d = 0; d < 3; ++d) {
        squared += static_cast<double>(v[d]) * static_cast<double>(v[d]);
      }
      const int sender = x.species[x.by_receiver.others[p]];
      const double limit = x.limits[static_cast<long long>(x.species[i]) * x.n_species + sender];
      if (squared < limit * limit) {
        *x.close = 1; // all threads that write, write the same value
      }
    }
  }
}

KERNEL(check_results, CheckResultsArguments) {
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
