// SPDX-License-Identifier: BSD-3-Clause
//
// The arguments of the kernels of polynomial invariants; see arguments.hpp.
#pragma once

#include "arguments.hpp"

namespace hipnn_ts {
namespace cuda {

/// K polynomials with at most n_max factors, of each feature of n_atoms.
template <class T> struct PolynomialArguments {
  long long n_atoms;
  int n_features; // length of a row
  int n_max;
  const T* moments;    // (n, C, a)
  const T* gradient;   // (n, K, a)
  const T* direction;  // (n, C, a), of the double backward pass
  T* invariants;       // (n, K, a), or their change
  T* moment_gradients; // (n, C, a); in inference they may be the moments
};

/// Rows of values become normalised over their first n_features, or gradients with respect to
/// normalised values become those with respect to plain ones.
template <class T> struct NormaliseArguments {
  long long n_rows;
  int width, n_features;
  T epsilon;
  T* values;    // (n_rows, width)
  T* inverse;   // (n_rows,), 1 / standard deviation
  T* gradients; // (n_rows, width), of the backward pass
};

} // namespace cuda
} // namespace hipnn_ts
