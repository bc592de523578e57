// SPDX-License-Identifier: BSD-3-Clause
//
// Polynomial invariants for inference: moment gradients in the form that pairs read, and
// normalisation.
#pragma once

#include "polynomials.cuh"

namespace hipnn_ts {
namespace cuda {

/// Moments become their gradients in the form of `write_reduced` (core/components.hpp).
KERNEL(polynomial_moment_gradients, PolynomialArguments<Real>) {
  const AtomFeature own(x);
  if (!own.exists) {
    return;
  }
  Real gradients[C] = {};
  gradients_of_feature(x, own, gradients);
  reduce_gradient<l_max, Real>(gradients);
  for (int c = 0; c < C; ++c) {
    x.moment_gradients[own.at(x, C, c)] = gradients[c];
  }
}

// A warp for each row.

KERNEL(normalise, NormaliseArguments<Real>) {
  const long long row = grid_warp();
  if (row >= x.n_rows) {
    return;
  }
  Real* values = x.values + row * x.width;
  Real sum = 0, squares = 0;
  for (int f = lane(); f < x.n_features; f += warp_size) {
    sum += values[f];
  }
  const Real mean = warp_sum(sum) / x.n_features;
  for (int f = lane(); f < x.n_features; f += warp_size) {
    squares += (values[f] - mean) * (values[f] - mean);
  }
  const Real inverse = 1 / sqrt(warp_sum(squares) / x.n_features + x.epsilon);
  for (int f = lane(); f < x.n_features; f += warp_size) {
    values[f] = (values[f] - mean) * inverse;
  }
  if (lane() == 0) {
    x.inverse[row] = inverse;
  }
}

KERNEL(normalise_backward, NormaliseArguments<Real>) {
  const long long row = grid_warp();
  if (row >= x.n_rows) {
    return;
  }
  const Real* values = x.values + row * x.width;
  Real* gradients = x.gradients + row * x.width;
  Real sum = 0, along = 0;
  for (int f = lane(); f < x.n_features; f += warp_size) {
    sum += gradients[f];
    along += gradients[f] * values[f];
  }
  sum = warp_sum(sum) / x.n_features;
  along = warp_sum(along) / x.n_features;
  for (int f = lane(); f < x.n_features; f += warp_size) {
    gradients[f] = x.inverse[row] * (gradients[f] - sum - along * values[f]);
  }
}

} // namespace cuda
} // namespace hipnn_ts
