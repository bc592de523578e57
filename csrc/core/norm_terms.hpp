// SPDX-License-Identifier: BSD-3-Clause
//
// One feature's invariant for training, E0 + sum_l t_l n_l with n_l = sqrt(|E_l|^2 + eps), with
// first and second derivatives; read as components.hpp is. e, k and `out` have C values, scales and
// what belongs to them one for each order from 1 on.
#pragma once

#include "core/components.hpp"

namespace hipnn_ts {

/// The moments of one order, half the gradient of their squared norm, and 1 / n.
template <int l, class T> struct OrderNorm {
  static constexpr int first = Order<l>::first, size = Order<l>::size;

  T half[size], inverse;

  HIPNN_TS_INLINE OrderNorm(const T* e, T epsilon) {
    halved(e, half);
    const auto load = [e](int c) __attribute__((always_inline)) { return e[c]; };
    inverse = 1 / regularised_norm(Order<l>(), load, epsilon);
  }

  /// Half the gradient of the squared norm of these: linear.
  static HIPNN_TS_INLINE void halved(const T* e, T* out) {
    T moved[Lower<l>::size]; // of no concern here: all components count as independent
    const auto load = [e](int c) __attribute__((always_inline)) { return e[c]; };
    reduced(Order<l>(), load, out, moved);
    for (int c = 0; c < size; ++c) {
      out[c] *= multiplicity(first + c);
    }
  }
};

template <int l_max, class T>
HIPNN_TS_INLINE T norm_invariant(const T* e, const T* scales, T epsilon) {
  T sum = e[0];
  for_orders<1, l_max>([&](auto order) __attribute__((always_inline)) {
    sum += scales[order.l - 1] / OrderNorm<order.l, T>(e, epsilon).inverse;
  });
  return sum;
}

/// Gradients for g with respect to e (`out`), and to the scales, added to `shares`.
template <int l_max, class T>
HIPNN_TS_INLINE void
norm_gradients(const T* e, const T* scales, T epsilon, T g, T* out, T* shares) {
  out[0] = g;
  for_orders<1, l_max>([&](auto order) __attribute__((always_inline)) {
    const OrderNorm<order.l, T> norm(e, epsilon);
    const T scale = g * scales[order.l - 1] * norm.inverse;
    for (int c = 0; c < order.size; ++c) {
      out[order.first + c] = scale * norm.half[c];
    }
    shares[order.l - 1] += g / norm.inverse;
  });
}

/// Of the product of those with k: gradients with respect to e (`out`), to the scales, added to
/// `shares`, and with respect to g, returned.
template <int l_max, class T>
HIPNN_TS_INLINE T norm_double_gradients(
    const T* e, const T* scales, T epsilon, T g, const T* k, const T* k_scales, T* out, T* shares) {
  T change = k[0];
  out[0] = 0;
  for_orders<1, l_max>([&](auto order) __attribute__((always_inline)) {
    const OrderNorm<order.l, T> norm(e, epsilon);
    const T t = scales[order.l - 1], k_t = k_scales[order.l - 1], inverse = norm.inverse;
    T k_half[order.size], along = 0;
    norm.halved(k, k_half);
    for (int c = 0; c < order.size; ++c) {
      along += k[order.first + c] * norm.half[c];
    }
    change += t * along * inverse + k_t / inverse;
    shares[order.l - 1] += g * along * inverse;
    const T scale = (k_t - t * along * inverse * inverse) * inverse;
    for (int c = 0; c < order.size; ++c) {
      out[order.first + c] = g * (t * inverse * k_half[c] + scale * norm.half[c]);
    }
  });
  return change;
}

} // namespace hipnn_ts
