// SPDX-License-Identifier: BSD-3-Clause
//
// The radial functions: with x = 1/r, y = 1/mu and the envelope c, a sensitivity is s = c e, e =
// exp(-z^2/2), z = (x - y) sigma. Compiled like components.hpp. T is a number, or in the first
// functions also a vector of numbers.
#pragma once

#include "core/components.hpp"

namespace hipnn_ts {

/// c = cos^2(pi r / 2R) and its derivatives in r.
template <class T> struct Envelope {
  T value, slope, curvature;
};

/// With t = pi/2 (1 - r/R), c is sin^2 t. It is measured from the cutoff R, where relative accuracy
/// would be lost otherwise.
template <class T> HIPNN_TS_INLINE Envelope<T> envelope_of(T sine, T cosine, T cutoff) {
  const T rate = T(3.14159265358979323846) / cutoff;
  return {sine * sine, -rate * sine * cosine, rate * rate / 2 * (cosine * cosine - sine * sine)};
}

/// log e.
template <class T> HIPNN_TS_INLINE T gaussian_exponent(T z) {
  return z * z / -2;
}

/// ds/dr of a sensitivity, where `rate` is z sigma.
template <class T> HIPNN_TS_INLINE T sensitivity_slope(T e, T rate, T x, T c, T c_slope) {
  return e * (c_slope + c * x * x * rate);
}

/// The terms in the derivatives of one sensitivity.
template <class T> struct RadialTerms {
  T gap, sigma, z, e, c; // gap: x - y
};

/// One number for each factor of a sensitivity: a gradient, or a direction.
template <class T> struct RadialFactors {
  T x, c, y, sigma;
};

/// Gradients of h s.
template <class T> HIPNN_TS_INLINE RadialFactors<T> sensitivity_gradients(RadialTerms<T> t, T h) {
  const T slope = t.c * h * t.e * t.z, along = slope * t.sigma;
  return {-along, h * t.e, along, -slope * t.gap};
}

/// Change of s along k, D = e (k_c + c q) with q = z ((k_y - k_x) sigma - k_sigma (x - y)), and the
/// gradients of h D with respect to the factors.
template <class T> struct SensitivityChange {
  T change;
  RadialFactors<T> gradients;
};

template <class T>
HIPNN_TS_INLINE SensitivityChange<T> sensitivity_change(RadialTerms<T> t, RadialFactors<T> k, T h) {
  const T he = h * t.e, k_gap = k.y - k.x;
  const T q = t.z * (k_gap * t.sigma - k.sigma * t.gap);
  const T change = k.c + t.c * q;
  const T slope = t.c * (k_gap * t.sigma * t.sigma - 2 * k.sigma * t.z) - t.z * t.sigma * change;
  const T along = he * slope;
  return {
      t.e * change,
      {along, he * q, -along,
       he * (t.c * (2 * t.z * k_gap - k.sigma * t.gap * t.gap) - t.z * t.gap * change)}};
}

} // namespace hipnn_ts
