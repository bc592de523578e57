// SPDX-License-Identifier: BSD-3-Clause
//
// Norms of the moments, n_l = sqrt(|E_l|^2 + eps), and their gradients; for training the invariant
// of one feature, E0 + sum_l t_l n_l, with first and second derivatives. Compiled like
// components.hpp.
#pragma once

#include "core/components.hpp"

namespace hipnn_ts {

HIPNN_TS_INLINE float square_root(float x) {
#ifdef __CUDACC_RTC__
  return sqrt(x);
#else
  return __builtin_sqrtf(x);
#endif
}
HIPNN_TS_INLINE double square_root(double x) {
#ifdef __CUDACC_RTC__
  return sqrt(x);
#else
  return __builtin_sqrt(x);
#endif
}

/// The square of the full norm of one order; load(c) gives component c of all orders.
template <class Load> HIPNN_TS_INLINE auto squared_norm(Order<1>, const Load& load) {
  const auto x = load(1), y = load(2), z = load(3);
  return x * x + y * y + z * z;
}
/// |E2|^2 = xx^2 + yy^2 + (xx + yy)^2 + 2 (xy^2 + xz^2 + yz^2)
template <class Load> HIPNN_TS_INLINE auto squared_norm(Order<2>, const Load& load) {
  const auto xx = load(4), xy = load(5), xz = load(6), yy = load(7), yz = load(8);
  return 2 * (xx * xx + xy * xy + xz * xz + yy * yy + yz * yz + xx * yy);
}

/// |E3|^2: entries that occur in several places count as often; those with two z follow from the
/// others.
template <class Load> HIPNN_TS_INLINE auto squared_norm(Order<3>, const Load& load) {
  const auto xxx = load(9), xxy = load(10), xxz = load(11), xyy = load(12), xyz = load(13),
             yyy = load(14), yyz = load(15);
  const auto xzz = xxx + xyy, yzz = xxy + yyy, zzz = xxz + yyz;
  return xxx * xxx + yyy * yyy + zzz * zzz + 6 * (xyz * xyz) +
         3 * (xxy * xxy + xxz * xxz + xyy * xyy + yyz * yyz + xzz * xzz + yzz * yzz);
}

/// sqrt(|E_l|^2 + epsilon)
template <int l, class T, class Load>
HIPNN_TS_INLINE T regularised_norm(Order<l> order, const Load& load, T epsilon) {
  return square_root(squared_norm(order, load) + epsilon);
}

/// Half the gradient of |E_l|^2 as entries of a tensor: the symmetric traceless tensor itself,
/// minus a term that makes the entries with two z vanish in contractions with directions, |u|^2 =
/// 1.
template <class T, class Load>
HIPNN_TS_INLINE void half_gradient(Order<1>, const Load& load, T* out) {
  for (int c = 0; c < 3; ++c) {
    out[c] = load(1 + c);
  }
}
template <class T, class Load>
HIPNN_TS_INLINE void half_gradient(Order<2>, const Load& load, T* out) {
  const T xx = load(4), yy = load(7);
  out[0] = 2 * xx + yy;
  out[1] = load(5);
  out[2] = load(6);
  out[3] = 2 * yy + xx;
  out[4] = load(8);
}
template <class T, class Load>
HIPNN_TS_INLINE void half_gradient(Order<3>, const Load& load, T* out) {
  const T xxx = load(9), xxy = load(10), xxz = load(11), xyy = load(12), yyy = load(14),
          yyz = load(15);
  const T xzz = xxx + xyy, yzz = xxy + yyy, zzz = (xxz + yyz) / 3;
  out[0] = xxx + 3 * xzz;
  out[1] = xxy + yzz;
  out[2] = xxz + zzz;
  out[3] = xyy + xzz;
  out[4] = load(13);
  out[5] = yyy + 3 * yzz;
  out[6] = yyz + zzz;
}

/// Writes `scale` times half the gradient of |E_l|^2 in the form of `write_reduced`, given load(c),
/// the moments.
template <int l, class T, class Load, class At>
HIPNN_TS_INLINE void write_half_gradient(Order<l> order, T scale, const Load& load, const At& at) {
  T half[order.size];
  half_gradient(order, load, half);
  write_reduced<T>(
      order, [&](int c) __attribute__((always_inline)) { return scale * half[c - order.first]; },
      at);
}

// For training: e, k and `out` have C values; scales and related arrays have one for each order
// from 1 on.

/// The moments of one order, half the gradient of their squared norm, and 1 / n.
template <int l, class T> struct OrderNorm {
  static constexpr int first = Order<l>::first, size = Order<l>::size;

  T half[size], inverse;

  HIPNN_TS_INLINE OrderNorm(const T* e, T epsilon) {
    halved(e, half);
    const auto load = [e](int c) __attribute__((always_inline)) { return e[c]; };
    inverse = 1 / regularised_norm(Order<l>(), load, epsilon);
  }

  /// Half the gradient of their squared norm, which is linear.
  static HIPNN_TS_INLINE void halved(const T* e, T* out) {
    const auto load = [e](int c) __attribute__((always_inline)) { return e[c]; };
    half_gradient(Order<l>(), load, out);
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

/// Gradients of the product of those with k: with respect to e (`out`), to the scales, added to
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
