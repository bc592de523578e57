// SPDX-License-Identifier: BSD-3-Clause
//
// The radial functions of one pair: envelope and Gaussian, accurate to rounding.
#pragma once

#include <cstdint>

#include "core/cpu/simd.hpp"
#include "core/radial_terms.hpp"

namespace hipnn_ts {
namespace HIPNN_TS_ISA {

constexpr int window_step = 8; // sensitivities of a pair that training evaluates at once

constexpr double inverse_factorial(int n) {
  return n == 0 ? 1.0 : inverse_factorial(n - 1) / n;
}

/// sum_k x^k / k! up to `last`, from term k on, over x^k. V is T or a vector of it, here and below.
template <class T, int k, int last, class V>
inline __attribute__((always_inline)) V exponential_series(V x) {
  constexpr T factor = static_cast<T>(inverse_factorial(k));
  if constexpr (k == last) {
    return V{} + factor;
  } else {
    return factor + x * exponential_series<T, k + 1, last>(x);
  }
}

/// sum_k (-x2)^k / (2 k + odd)!: the cosine, or the sine over x if `odd` is 1, in x2 = x^2;
/// likewise.
template <class T, int odd, int k, int last>
inline __attribute__((always_inline)) T trigonometric_series(T x2) {
  constexpr T factor =
      static_cast<T>(k % 2 == 0 ? inverse_factorial(2 * k + odd) : -inverse_factorial(2 * k + odd));
  if constexpr (k == last) {
    return factor;
  } else {
    return factor + x2 * trigonometric_series<T, odd, k + 1, last>(x2);
  }
}

/// The envelope at distance r, with its derivatives.
template <class T> inline __attribute__((always_inline)) Envelope<T> envelope_at(T r, T cutoff) {
  constexpr int terms = sizeof(T) == 4 ? 5 : 9;
  constexpr T pi = T(3.14159265358979323846);
  const T half = (pi / 4) * (1 - r / cutoff);
  const T sine = half * trigonometric_series<T, 1, 0, terms>(half * half);
  const T cosine = trigonometric_series<T, 0, 0, terms>(half * half);
  return envelope_of(2 * sine * cosine, cosine * cosine - sine * sine, cutoff);
}

/// Constants of the exponential function for a type. Adding `shift` leaves the rounded integer in
/// the low bits; ln 2 is the sum of two numbers, the first of which has few bits.
template <class T> struct ExponentialTerms;
template <> struct ExponentialTerms<float> {
  using Bits = uint32_t;
  static constexpr int mantissa = 23, bias = 127, terms = 7;
  static constexpr float lowest = -87.0f, shift = 12582912.0f; // 1.5 * 2^23
  static constexpr float log2e = 1.44269504f, ln2 = 0.693359375f, ln2_rest = -2.12194440e-4f;
};
template <> struct ExponentialTerms<double> {
  using Bits = uint64_t;
  static constexpr int mantissa = 52, bias = 1023, terms = 13;
  static constexpr double lowest = -708.0, shift = 6755399441055744.0; // 1.5 * 2^52
  static constexpr double log2e = 1.4426950408889634;
  static constexpr double ln2 = 0.693145751953125, ln2_rest = 1.42860682030941723212e-6;
};

/// exp(x) for x <= 0, accurate to rounding; results below the smallest normal number become about
/// that number. Bits is the integer, or vector of integers, of V's size.
template <class T, class Bits, class V>
inline __attribute__((always_inline)) V exponential_of(V x) {
  using Terms = ExponentialTerms<T>;
  const V lowest = V{} + Terms::lowest;
  x = x < lowest ? lowest : x;
  const V shifted = x * Terms::log2e + Terms::shift;
  const V whole = shifted - Terms::shift;
  const V rest = (x - whole * Terms::ln2) - whole * Terms::ln2_rest;
  Bits bits;
  std::memcpy(&bits, &shifted, sizeof(bits));
  const Bits power = (bits + Terms::bias) << Terms::mantissa;
  V scale;
  std::memcpy(&scale, &power, sizeof(scale));
  return scale * exponential_series<T, 0, Terms::terms>(rest);
}

template <class T> inline __attribute__((always_inline)) T exponential(T x) {
  return exponential_of<T, typename ExponentialTerms<T>::Bits>(x);
}

template <class T, int lanes>
inline __attribute__((always_inline)) typename VectorOf<T, lanes>::type
exponentials(typename VectorOf<T, lanes>::type x) {
  using Bits = typename VectorOf<typename ExponentialTerms<T>::Bits, lanes>::type;
  return exponential_of<T, Bits>(x);
}

} // namespace HIPNN_TS_ISA
} // namespace hipnn_ts
