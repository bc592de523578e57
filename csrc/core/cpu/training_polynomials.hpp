// SPDX-License-Identifier: BSD-3-Clause
//
// Polynomial invariants of many atoms, and their second derivatives, for training.
#pragma once

#include "core/cpu/polynomials.hpp"
#include "core/training_kernels.hpp"

namespace hipnn_ts {
namespace HIPNN_TS_ISA {

/// Gradients of those gradients' product with k (C, a): with respect to g, `change` (K, a), and the
/// moments, `out` (C, a).
template <class T, int C>
inline void atom_polynomial_double_gradients(
    const PolynomialPlaces& places, const T* moments, int a, const T* g, const T* k, T* change,
    T* out) {
  for_features<T>(a, [&](const FeatureRange<T>& range) __attribute__((always_inline)) {
    using F = typename FeatureRange<T>::Vector;
    const auto load = [&](int c) __attribute__((always_inline)) {
      return Dual<F>{range.load(moments + c * a), range.load(k + c * a)};
    };
    F values[polynomial_places] = {};
    load_places(places, range, g, a, values);
    Dual<F> seeds[polynomial_places], found[polynomial_places] = {};
    for (int place = 0; place < polynomial_places; ++place) {
      seeds[place] = {values[place], F{}};
    }
    polynomial_values<order_of(C), Dual<F>>(places.n_max, load, found);
    for (int i = 0; i < places.n; ++i) {
      range.store(change + i * a, found[places.of[i]].change);
    }
    F changes[C] = {};
    polynomial_gradients<order_of(C), Dual<F>>(
        places.n_max, load, seeds, [&](int c, const Dual<F>& value) __attribute__((always_inline)) {
          changes[c] = value.change;
        });
    for (int c = 0; c < C; ++c) {
      range.store(out + c * a, changes[c]);
    }
  });
}

/// Calls body(atom) for all atoms.
template <class T, class Body>
inline void for_atoms(const PolynomialsProblem<T>& x, const Body& body) {
#pragma omp parallel for schedule(static) num_threads(x.n_threads) if (x.n_atoms > 64)
  for (int64_t i = 0; i < x.n_atoms; ++i) {
    body(i);
  }
}

template <class T, int C> void polynomials(const PolynomialsProblem<T>& x, T* out) {
  const PolynomialPlaces places(order_of(C), x.n_max);
  const int a = x.n_features;
  for_atoms(x, [&](int64_t i) {
    atom_polynomials<T, C>(places, x.moments + i * C * a, a, out + i * places.n * a);
  });
}

template <class T, int C>
void polynomials_backward(const PolynomialsProblem<T>& x, const T* g, T* out) {
  const PolynomialPlaces places(order_of(C), x.n_max);
  const int a = x.n_features;
  for_atoms(x, [&](int64_t i) {
    const int64_t row = i * C * a;
    atom_polynomial_gradients<T, C>(
        places, x.moments + row, a, g + i * places.n * a,
        [&](const FeatureRange<T>& range, const auto& gradients) __attribute__((always_inline)) {
          for (int c = 0; c < C; ++c) {
            range.store(out + row + c * a, gradients[c]);
          }
        });
  });
}

template <class T, int C>
void polynomials_double_backward(
    const PolynomialsProblem<T>& x, const T* g, const T* k, T* change, T* out) {
  const PolynomialPlaces places(order_of(C), x.n_max);
  const int a = x.n_features;
  for_atoms(x, [&](int64_t i) {
    const int64_t row = i * C * a, invariant = i * places.n * a;
    atom_polynomial_double_gradients<T, C>(
        places, x.moments + row, a, g + invariant, k + row, change + invariant, out + row);
  });
}

} // namespace HIPNN_TS_ISA
} // namespace hipnn_ts
