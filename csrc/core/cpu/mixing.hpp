// SPDX-License-Identifier: BSD-3-Clause
//
// The invariants of a block for inference, forward and backward: norms with a scale for each
// feature, or polynomials, optionally normalised, that a dense layer mixes.
#pragma once

#include "core/cpu/gemm.hpp"
#include "core/cpu/polynomials.hpp"
#include "core/norm_terms.hpp"

namespace hipnn_ts {
namespace HIPNN_TS_ISA {

/// out (n, a) = E0 + t1 |E1| + t2 |E2| + ... with norms regularised by epsilon.
template <class T, int C>
void norms(const BlockWeights<T>& w, const T* moments, int64_t n, T* __restrict out) {
  const int a = w.n_middle;
  const T epsilon = w.cusp_regularisation;
  const OrderScales<T> scales = w.scales;
  for (int64_t i = 0; i < n; ++i) {
    const T* E = moments + i * C * a;
#pragma GCC ivdep
    for (int f = 0; f < a; ++f) {
      T value = E[f];
      for_orders<1, order_of(C)>([&](auto order) __attribute__((always_inline)) {
        const auto load = [&](int c) __attribute__((always_inline)) { return E[c * a + f]; };
        value += scales.of[order.l - 1][f] * regularised_norm(order, load, epsilon);
      });
      out[i * a + f] = value;
    }
  }
}

template <class T, int C>
void norms_backward(const BlockWeights<T>& w, T* moments, int64_t n, const T* __restrict d) {
  const int a = w.n_middle;
  const T epsilon = w.cusp_regularisation;
  const OrderScales<T> scales = w.scales;
  for (int64_t i = 0; i < n; ++i) {
    T* E = moments + i * C * a;
#pragma GCC ivdep // the components' rows do not overlap
    for (int f = 0; f < a; ++f) {
      const T g = d[i * a + f];
      T out[C];
      out[0] = g;
      for_orders<1, order_of(C)>([&](auto order) __attribute__((always_inline)) {
        const auto load = [&](int c) __attribute__((always_inline)) { return E[c * a + f]; };
        const T scale = g * scales.of[order.l - 1][f] / regularised_norm(order, load, epsilon);
        write_half_gradient(
            order, scale, load, [&](int c) __attribute__((always_inline)) -> T& { return out[c]; });
      });
      for (int c = 0; c < C; ++c) {
        E[c * a + f] = out[c];
      }
    }
  }
}

constexpr int mixing_rows = 12; // atoms whose polynomials almost fit in the first-level cache

/// Subtracts from the invariants (K, a) their mean over the features and divides by the standard
/// deviation, whose inverse is written.
template <class T>
inline void normalise(int K, int a, T epsilon, T* values, T (&inverse)[polynomial_places]) {
  for (int k = 0; k < K; ++k) {
    T* row = values + k * a;
    T sum = 0;
    for (int f = 0; f < a; ++f) {
      sum += row[f];
    }
    const T mean = sum / a;
    T squares = 0;
    for (int f = 0; f < a; ++f) {
      row[f] -= mean;
      squares += row[f] * row[f];
    }
    inverse[k] = 1 / square_root(squares / a + epsilon);
    for (int f = 0; f < a; ++f) {
      row[f] *= inverse[k];
    }
  }
}

/// Converts gradients with respect to normalised invariants to those with respect to plain ones.
template <class T>
inline void normalise_backward(
    int K, int a, const T* normalised, const T (&inverse)[polynomial_places], T* gradients) {
  for (int k = 0; k < K; ++k) {
    const T* x = normalised + k * a;
    T* g = gradients + k * a;
    T sum = 0, along = 0;
    for (int f = 0; f < a; ++f) {
      sum += g[f];
      along += g[f] * x[f];
    }
    sum /= a;
    along /= a;
    for (int f = 0; f < a; ++f) {
      g[f] = inverse[k] * (g[f] - sum - along * x[f]);
    }
  }
}

/// Values of scratch that these need.
template <class T> inline int64_t mixing_scratch_size(const BlockWeights<T>& w) {
  return int64_t{2} * mixing_rows * w.polynomials.mixing.n_in;
}

template <class T, int C>
void mixed_polynomials(const BlockWeights<T>& w, const T* moments, int n, T* out, T* scratch) {
  const PolynomialWeights<T>& p = w.polynomials;
  const PolynomialPlaces places(order_of(C), p.n_max);
  const int a = w.n_middle, row = p.mixing.n_in;
  for (int first = 0; first < n; first += mixing_rows) {
    const int rows = n - first < mixing_rows ? n - first : mixing_rows;
    for (int i = 0; i < rows; ++i) {
      T inverse[polynomial_places], *own = scratch + i * row;
      atom_polynomials<T, C>(places, moments + int64_t{first + i} * C * a, a, own);
      if (p.normalised) {
        normalise(places.n, a, p.epsilon, own, inverse);
      }
    }
    linear(p.mixing, rows, scratch, out + int64_t{first} * a, false);
  }
}

template <class T, int C>
void mixed_polynomials_backward(
    const BlockWeights<T>& w, T* moments, int n, const T* d, T* scratch) {
  const PolynomialWeights<T>& p = w.polynomials;
  const PolynomialPlaces places(order_of(C), p.n_max);
  const int a = w.n_middle, row = p.mixing.n_in;
  T* gradients = scratch + mixing_rows * row;
  for (int first = 0; first < n; first += mixing_rows) {
    const int rows = n - first < mixing_rows ? n - first : mixing_rows;
    linear_backward(p.mixing, rows, d + int64_t{first} * a, gradients, false);
    for (int i = 0; i < rows; ++i) {
      T* E = moments + int64_t{first + i} * C * a;
      T* g = gradients + i * row;
      if (p.normalised) {
        T inverse[polynomial_places], *own = scratch + i * row;
        atom_polynomials<T, C>(places, E, a, own);
        normalise(places.n, a, p.epsilon, own, inverse);
        normalise_backward(places.n, a, own, inverse, g);
      }
      atom_polynomial_gradients<T, C>(
          places, E, a, g,
          [&](const FeatureRange<T>& range, auto& change) __attribute__((always_inline)) {
            reduce_gradient<order_of(C), T>(change);
            for (int c = 0; c < C; ++c) {
              range.store(E + c * a, change[c]);
            }
          });
    }
  }
}

/// out (n, a) from moments (n, C, a).
template <class T, int C>
void invariants(const BlockWeights<T>& w, const T* moments, int n, T* out, T* scratch) {
  if (w.polynomials.n_max > 0) {
    mixed_polynomials<T, C>(w, moments, n, out, scratch);
  } else {
    norms<T, C>(w, moments, n, out);
  }
}

/// Moments become the gradient with respect to them, in the form that Kernels::backward_senders
/// reads, given d (n, a), the gradient of the invariants.
template <class T, int C>
void invariants_backward(const BlockWeights<T>& w, T* moments, int n, const T* d, T* scratch) {
  if (w.polynomials.n_max > 0) {
    mixed_polynomials_backward<T, C>(w, moments, n, d, scratch);
  } else {
    norms_backward<T, C>(w, moments, n, d);
  }
}

} // namespace HIPNN_TS_ISA
} // namespace hipnn_ts
