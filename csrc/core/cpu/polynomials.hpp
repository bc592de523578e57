// SPDX-License-Identifier: BSD-3-Clause
//
// Polynomial invariants of an atom's moments, several features at once; for training the loops over
// atoms.
#pragma once

#include "core/cpu/simd.hpp"
#include "core/kernels.hpp"
#include "core/polynomial_terms.hpp"

namespace hipnn_ts {
namespace HIPNN_TS_ISA {

/// The positions of K polynomials, in order.
struct PolynomialPlaces {
  int n = 0, n_max, of[polynomial_places];

  inline PolynomialPlaces(int l_max, int factors) : n_max(factors) {
    for (int place = 0; place < polynomial_places; ++place) {
      if (is_polynomial(place, l_max, factors)) {
        of[n++] = place;
      }
    }
  }
};

/// As many features as a vector holds, or fewer.
template <class T> struct FeatureRange {
  using Vector = typename VectorOf<T, max_lanes<T>>::type;
  int begin, n;

  inline __attribute__((always_inline)) Vector load(const T* row) const {
    Vector out{};
    if (n == max_lanes<T>) {
      std::memcpy(&out, row + begin, sizeof(out));
    } else {
      std::memcpy(&out, row + begin, sizeof(T) * n);
    }
    return out;
  }
  inline __attribute__((always_inline)) void store(T* row, const Vector& value) const {
    if (n == max_lanes<T>) {
      std::memcpy(row + begin, &value, sizeof(value));
    } else {
      std::memcpy(row + begin, &value, sizeof(T) * n);
    }
  }
};

/// Calls body(range) until `a` features are covered.
template <class T, class Body>
inline __attribute__((always_inline)) void for_features(int a, const Body& body) {
  for (int begin = 0; begin < a; begin += max_lanes<T>) {
    const int left = a - begin;
    body(FeatureRange<T>{begin, left < max_lanes<T> ? left : max_lanes<T>});
  }
}

/// out (K, a) of moments (C, a).
template <class T, int C>
inline void atom_polynomials(const PolynomialPlaces& places, const T* moments, int a, T* out) {
  for_features<T>(a, [&](const FeatureRange<T>& range) __attribute__((always_inline)) {
    using F = typename FeatureRange<T>::Vector;
    F found[polynomial_places] = {};
    polynomial_values<order_of(C), F>(
        places.n_max,
        [&](int c) __attribute__((always_inline)) { return range.load(moments + c * a); }, found);
    for (int k = 0; k < places.n; ++k) {
      range.store(out + k * a, found[places.of[k]]);
    }
  });
}

/// A range's gradients g (K, a) by position, zero at the others.
template <class T>
inline __attribute__((always_inline)) void load_places(
    const PolynomialPlaces& places, const FeatureRange<T>& range, const T* g, int a,
    typename FeatureRange<T>::Vector (&out)[polynomial_places]) {
  for (int k = 0; k < places.n; ++k) {
    out[places.of[k]] = range.load(g + k * a);
  }
}

/// Calls write(range, values of the C components) with the gradients with respect to moments (C,
/// a), for g (K, a).
template <class T, int C, class Write>
inline void atom_polynomial_gradients(
    const PolynomialPlaces& places, const T* moments, int a, const T* g, const Write& write) {
  for_features<T>(a, [&](const FeatureRange<T>& range) __attribute__((always_inline)) {
    using F = typename FeatureRange<T>::Vector;
    F seeds[polynomial_places] = {}, gradients[C] = {}; // zero if no polynomial depends on them
    load_places(places, range, g, a, seeds);
    polynomial_gradients<order_of(C), F>(
        places.n_max,
        [&](int c) __attribute__((always_inline)) { return range.load(moments + c * a); }, seeds,
        [&](int c, const F& value) __attribute__((always_inline)) { gradients[c] = value; });
    write(range, gradients);
  });
}

} // namespace HIPNN_TS_ISA
} // namespace hipnn_ts
