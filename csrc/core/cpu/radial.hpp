// SPDX-License-Identifier: BSD-3-Clause
//
// Geometry and sensitivities of a tile of pairs, with their derivative in the distance.
#pragma once

#include <cstdint>

#include "core/cpu/simd.hpp"
#include "core/kernels.hpp"

namespace hipnn_ts {
namespace HIPNN_TS_ISA {

constexpr int tile_size = 64;
constexpr int window_step = 8; // sensitivities are evaluated in groups of eight

template <class T> struct Tile {
  int size;
  int window; // row length of `sensitivities` and `slopes`
  T inverse_distance[tile_size];
  T direction[3][tile_size];
  T envelope[tile_size];
  T envelope_slope[tile_size];
  T components[tile_size][9];
  int16_t first[tile_size];
  int16_t count[tile_size];
  T* sensitivities; // (tile_size, window)
  T* slopes;        // (tile_size, window), ds/dr

  explicit Tile(const Radial<T>& radial)
      : window((radial.n_sensitivities + window_step - 1) / window_step * window_step),
        sensitivities(new T[2 * tile_size * window]), slopes(sensitivities + tile_size * window) {}
  ~Tile() { delete[] sensitivities; }
  Tile(const Tile&) = delete;
  Tile& operator=(const Tile&) = delete;
};

/// 1 + x (1 + x/2 (1 + x/3 (...))): the exponential series.
template <class T, int k, int terms>
inline __attribute__((always_inline)) T exponential_series(T x) {
  if constexpr (k > terms) {
    return T(1);
  } else {
    return T(1) + x * (T(1) / k) * exponential_series<T, k + 1, terms>(x);
  }
}

/// 1 - x2/(k (k+1)) (1 - ...): sine over x for k = 2, cosine for k = 1, in x2 = x^2.
template <class T, int k, int terms>
inline __attribute__((always_inline)) T trigonometric_series(T x2) {
  if constexpr (terms == 0) {
    return T(1);
  } else {
    return T(1) - x2 * (T(1) / (k * (k + 1))) * trigonometric_series<T, k + 2, terms - 1>(x2);
  }
}

/// exp(x) for x <= 0, to rounding; results below the smallest normal number come out as about it.
inline __attribute__((always_inline)) float exponential(float x) {
  x = x < -87.0f ? -87.0f : x;
  // Adding 1.5 * 2^23 leaves the rounded integer in the low bits.
  const float shifted = x * 1.44269504f + 12582912.0f;
  const float whole = shifted - 12582912.0f;
  const float rest = (x - whole * 0.693359375f) + whole * 2.12194440e-4f;
  int32_t bits;
  std::memcpy(&bits, &shifted, sizeof(bits));
  const int32_t power = (bits + 127) << 23;
  float scale;
  std::memcpy(&scale, &power, sizeof(scale));
  return scale * exponential_series<float, 1, 7>(rest);
}

inline __attribute__((always_inline)) double exponential(double x) {
  x = x < -708.0 ? -708.0 : x;
  const double shifted = x * 1.4426950408889634 + 6755399441055744.0; // 1.5 * 2^52
  const double whole = shifted - 6755399441055744.0;
  const double rest = (x - whole * 0.693145751953125) - whole * 1.42860682030941723212e-6;
  int64_t bits;
  std::memcpy(&bits, &shifted, sizeof(bits));
  const int64_t power = static_cast<int64_t>(static_cast<uint64_t>(bits + 1023) << 52);
  double scale;
  std::memcpy(&scale, &power, sizeof(scale));
  return scale * exponential_series<double, 1, 13>(rest);
}

/// Fill the tile with pairs[0] ... pairs[size - 1].
template <class T, int C>
inline void
prepare(Tile<T>& tile, const Radial<T>& radial, const T* vectors, const int32_t* pairs, int size) {
  constexpr int terms = sizeof(T) == 4 ? 5 : 9;
  constexpr T pi = T(3.14159265358979323846);
  tile.size = size;
  const T per_bin = window_bins / radial.cutoff;
  T distance[tile_size];
  T x[3][tile_size];
  for (int k = 0; k < size; ++k) {
    for (int d = 0; d < 3; ++d) {
      x[d][k] = vectors[3 * static_cast<int64_t>(pairs[k]) + d];
    }
  }
  for (int k = 0; k < size; ++k) {
    const T square = x[0][k] * x[0][k] + x[1][k] * x[1][k] + x[2][k] * x[2][k];
    const T r = __builtin_sqrt(square);
    const T inverse = 1 / r;
    distance[k] = r;
    tile.inverse_distance[k] = inverse;
    for (int d = 0; d < 3; ++d) {
      tile.direction[d][k] = x[d][k] * inverse;
    }
    // cos(pi r / 2R) = sin(t): measured from the cutoff, where relative accuracy would be lost.
    const T half = (pi / 4) * (1 - r / radial.cutoff);
    const T sine = half * trigonometric_series<T, 2, terms>(half * half);
    const T cosine = trigonometric_series<T, 1, terms>(half * half);
    const T sine_t = 2 * sine * cosine;
    const T cosine_t = cosine * cosine - sine * sine;
    tile.envelope[k] = sine_t * sine_t;
    tile.envelope_slope[k] = -(pi / radial.cutoff) * sine_t * cosine_t;
  }
  for (int k = 0; k < size; ++k) {
    T* y = tile.components[k];
    const T ux = tile.direction[0][k], uy = tile.direction[1][k], uz = tile.direction[2][k];
    y[0] = 1;
    if constexpr (C >= 4) {
      y[1] = ux;
      y[2] = uy;
      y[3] = uz;
    }
    if constexpr (C >= 9) {
      y[4] = ux * ux - T(1) / 3;
      y[5] = ux * uy;
      y[6] = ux * uz;
      y[7] = uy * uy - T(1) / 3;
      y[8] = uy * uz;
    }
    // Written so that a NaN distance counts as inside and reaches the energy instead of vanishing.
    if (distance[k] >= radial.cutoff) {
      tile.first[k] = 0;
      tile.count[k] = 0;
      continue;
    }
    int bin = static_cast<int>(distance[k] * per_bin);
    bin = bin < 0 ? 0 : bin >= window_bins ? window_bins - 1 : bin;
    const int first = radial.first[bin];
    const int count = radial.count[bin];
    tile.first[k] = static_cast<int16_t>(first);
    tile.count[k] = static_cast<int16_t>(count);
    const T inverse = tile.inverse_distance[k];
    for (int begin = 0; begin < count; begin += window_step) {
      T* s = tile.sensitivities + k * tile.window + begin;
      T* slope = tile.slopes + k * tile.window + begin;
      const T* inverse_mu = radial.inverse_mu + first + begin;
      const T* sigma = radial.sigma + first + begin;
#pragma GCC ivdep
      for (int w = 0; w < window_step; ++w) {
        const T z = (inverse - inverse_mu[w]) * sigma[w];
        const T gaussian = exponential(T(-0.5) * z * z);
        s[w] = gaussian * tile.envelope[k];
        slope[w] = gaussian *
                   (tile.envelope_slope[k] + tile.envelope[k] * z * sigma[w] * inverse * inverse);
      }
    }
  }
}

} // namespace HIPNN_TS_ISA
} // namespace hipnn_ts
