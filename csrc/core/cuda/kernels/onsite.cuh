// SPDX-License-Identifier: BSD-3-Clause
//
// What lies between the dense products of a block's on-site layers.
#pragma once

#include "prelude.cuh"

namespace hipnn_ts {
namespace cuda {

KERNEL(activate, ActivateArguments<Real>) {
  for (long long i = grid_thread(); i < x.n * x.width; i += grid_threads()) {
    const int f = static_cast<int>(i % x.width);
    Real value = x.hidden[i];
    if (x.bias) {
      value += x.bias[f];
    }
    if (x.table) {
      value += x.table[static_cast<long long>(x.species[i / x.width]) * x.width + f];
    }
    // Beyond 20 it is the value itself, as in torch, where models were trained.
    const Real e = exp(value < 0 ? value : -value);
    x.hidden[i] = value > 20 ? value : (value > 0 ? value : 0) + log1p(e);
    x.slopes[i] = value > 20 ? Real(1) : (value > 0 ? Real(1) : e) / (1 + e);
  }
  if (x.stream) {
    for (long long i = grid_thread(); i < x.n * x.stream_width; i += grid_threads()) {
      x.stream[i] += x.stream_bias[i % x.stream_width];
    }
  }
}

KERNEL(species_rows, SpeciesRowsArguments<Real>) {
  for (long long i = grid_thread(); i < x.n * x.width; i += grid_threads()) {
    x.out[i] = x.table[static_cast<long long>(x.species[i / x.width]) * x.width + i % x.width];
  }
}

KERNEL(multiply, MultiplyArguments<Real>) {
  for (long long i = grid_thread(); i < x.n; i += grid_threads()) {
    x.x[i] *= x.y[i];
  }
}

/// A warp for each atom.
KERNEL(readout, ReadoutArguments<Real>) {
  const long long i = grid_warp();
  if (i >= x.n) {
    return;
  }
  Real sum = 0;
  for (int f = lane(); f < x.width; f += warp_size) {
    sum += x.weights[f] * x.features[i * x.width + f];
  }
  sum = warp_sum(sum);
  if (lane() == 0) {
    x.energies[i] += static_cast<double>(x.bias + sum);
  }
}

KERNEL(readout_gradient, ReadoutGradientArguments<Real>) {
  for (long long i = grid_thread(); i < x.n * x.width; i += grid_threads()) {
    const Real weight = x.weights[i % x.width];
    x.gradients[i] = x.accumulate ? x.gradients[i] + weight : weight;
  }
}

} // namespace cuda
} // namespace hipnn_ts
