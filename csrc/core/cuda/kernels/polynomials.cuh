// SPDX-License-Identifier: BSD-3-Clause
//
// Polynomial invariants of moments and their gradients. A lane for a feature of an atom; blockIdx.y
// counts the warps of a row.
#pragma once

#include "core/polynomial_terms.hpp"
#include "polynomial_arguments.hpp"
#include "prelude.cuh"

namespace hipnn_ts {
namespace cuda {

/// One lane's feature, and its position in rows of an atom's arrays.
struct AtomFeature {
  long long atom;
  int feature;
  bool exists;

  __device__ explicit AtomFeature(const PolynomialArguments<Real>& x)
      : atom(grid_warp()), feature(blockIdx.y * warp_size + lane()),
        exists(atom < x.n_atoms && feature < x.n_features) {}

  /// Place k of n rows.
  __device__ long long at(const PolynomialArguments<Real>& x, int n, int k) const {
    return (atom * n + k) * x.n_features + feature;
  }
};

/// Calls body(place, row) for the polynomials that exist. Loops are unrolled, so that places are
/// constants.
template <class Body> __device__ inline void for_places(int n_max, const Body& body) {
  int row = 0;
#pragma unroll
  for (int place = 0; place < polynomial_places; ++place) {
    if (is_polynomial(place, l_max, n_max)) {
      body(place, row);
      ++row;
    }
  }
}

__device__ inline void read_gradient(
    const PolynomialArguments<Real>& x, const AtomFeature& own, Real (&out)[polynomial_places]) {
  const int n = n_polynomials(l_max, x.n_max);
  for_places(x.n_max, [&](int place, int row) { out[place] = x.gradient[own.at(x, n, row)]; });
}

KERNEL(polynomials, PolynomialArguments<Real>) {
  const AtomFeature own(x);
  if (!own.exists) {
    return;
  }
  Real found[polynomial_places] = {};
  polynomial_values<l_max, Real>(x.n_max, [&](int c) { return x.moments[own.at(x, C, c)]; }, found);
  const int n = n_polynomials(l_max, x.n_max);
  for_places(x.n_max, [&](int place, int row) { x.invariants[own.at(x, n, row)] = found[place]; });
}

/// Gradients (C,) of one lane's feature, zero if no polynomial depends on a component.
__device__ inline void
gradients_of_feature(const PolynomialArguments<Real>& x, const AtomFeature& own, Real (&out)[C]) {
  Real seeds[polynomial_places] = {};
  read_gradient(x, own, seeds);
  polynomial_gradients<l_max, Real>(
      x.n_max, [&](int c) { return x.moments[own.at(x, C, c)]; }, seeds,
      [&](int c, Real value) { out[c] = value; });
}

KERNEL(polynomials_backward, PolynomialArguments<Real>) {
  const AtomFeature own(x);
  if (!own.exists) {
    return;
  }
  Real gradients[C] = {};
  gradients_of_feature(x, own, gradients);
  for (int c = 0; c < C; ++c) {
    x.moment_gradients[own.at(x, C, c)] = gradients[c];
  }
}

} // namespace cuda
} // namespace hipnn_ts
