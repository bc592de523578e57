// SPDX-License-Identifier: BSD-3-Clause
//
// Polynomial invariants for training: the gradients of their gradients.
#pragma once

#include "polynomials.cuh"

namespace hipnn_ts {
namespace cuda {

/// Gradients, with respect to the gradient and the moments, of the product of those with the
/// direction.
KERNEL(polynomials_double_backward, PolynomialArguments<Real>) {
  const AtomFeature own(x);
  if (!own.exists) {
    return;
  }
  const auto load = [&](int c) {
    const long long at = own.at(x, C, c);
    return Dual<Real>{x.moments[at], x.direction[at]};
  };
  Real values[polynomial_places] = {}, gradients[C] = {};
  read_gradient(x, own, values);
  Dual<Real> seeds[polynomial_places], found[polynomial_places] = {};
  for (int place = 0; place < polynomial_places; ++place) {
    seeds[place] = {values[place], 0};
  }
  polynomial_values<l_max, Dual<Real>>(x.n_max, load, found);
  const int n = n_polynomials(l_max, x.n_max);
  for_places(
      x.n_max, [&](int place, int row) { x.invariants[own.at(x, n, row)] = found[place].change; });
  polynomial_gradients<l_max, Dual<Real>>(
      x.n_max, load, seeds, [&](int c, const Dual<Real>& value) { gradients[c] = value.change; });
  for (int c = 0; c < C; ++c) {
    x.moment_gradients[own.at(x, C, c)] = gradients[c];
  }
}

} // namespace cuda
} // namespace hipnn_ts
