// SPDX-License-Identifier: BSD-3-Clause
//
// Geometry and sensitivities of a tile of pairs, with their derivative in the distance.
#pragma once

#include <cstdint>

#include "core/cpu/simd.hpp"
#include "core/kernels.hpp"
#include "core/radial_terms.hpp"

namespace hipnn_ts {
namespace HIPNN_TS_ISA {

constexpr int pair_tile = 64;  // pairs whose geometry is prepared together
constexpr int window_step = 8; // sensitivities are evaluated in groups of eight
constexpr int component_lanes = 16;

template <class T> struct PairTile {
  int size;                // pairs within the cutoff
  int32_t pair[pair_tile]; // which they are
  int window;              // row length of `sensitivities` and `slopes`
  T distance[pair_tile];
  T inverse_distance[pair_tile];
  T direction[3][pair_tile];
  T envelope[pair_tile];
  T envelope_slope[pair_tile];
  T components[pair_tile][component_lanes]; // zero beyond C
  int16_t first[pair_tile];
  int16_t count[pair_tile];
  T* sensitivities; // (pair_tile, window)
  T* slopes;        // (pair_tile, window), ds/dr

  PairTile(const Radial<T>& radial, T* scratch)
      : window(row_length(radial)), sensitivities(scratch), slopes(scratch + pair_tile * window) {
    std::memset(components, 0, sizeof(components));
  }

  inline __attribute__((always_inline)) void direction_of(int k, T (&u)[3]) const {
    for (int d = 0; d < 3; ++d) {
      u[d] = direction[d][k];
    }
  }

  static int64_t scratch_size(const Radial<T>& radial) {
    return int64_t{2} * pair_tile * row_length(radial);
  }

private:
  static int row_length(const Radial<T>& radial) {
    return (radial.n_sensitivities + window_step - 1) / window_step * window_step;
  }
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

/// The envelope at distance r, with its derivatives.
template <class T> inline __attribute__((always_inline)) Envelope<T> envelope_at(T r, T cutoff) {
  constexpr int terms = sizeof(T) == 4 ? 5 : 9;
  constexpr T pi = T(3.14159265358979323846);
  const T half = (pi / 4) * (1 - r / cutoff);
  const T sine = half * trigonometric_series<T, 2, terms>(half * half);
  const T cosine = trigonometric_series<T, 1, terms>(half * half);
  return envelope_of(2 * sine * cosine, cosine * cosine - sine * sine, cutoff);
}

/// exp(x) for x <= 0, to rounding; results below the smallest normal number come out as about it.
inline __attribute__((always_inline)) float exponential(float x) {
  x = x < -87.0f ? -87.0f : x;
  // Adding 1.5 * 2^23 leaves the rounded integer in the low bits.
  const float shifted = x * 1.44269504f + 12582912.0f;
  const float whole = shifted - 12582912.0f;
  const float rest = (x - whole * 0.693359375f) + whole * 2.12194440e-4f;
  uint32_t bits;
  std::memcpy(&bits, &shifted, sizeof(bits));
  const uint32_t power = (bits + 127) << 23;
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

/// Sensitivities of pair k from `first` on, in steps of window_step, zero beyond its window; their
/// slopes only on request.
template <class T, bool slopes>
inline __attribute__((always_inline)) void
fill_window(PairTile<T>& tile, const Radial<T>& radial, int k, int first, int count) {
  const T inverse = tile.inverse_distance[k];
  const T envelope = tile.envelope[k];
  for (int begin = 0; begin < count; begin += window_step) {
    T* s = tile.sensitivities + k * tile.window + begin;
    T* slope = tile.slopes + k * tile.window + begin;
    const T* inverse_mu = radial.inverse_mu + first + begin;
    const T* sigma = radial.sigma + first + begin;
#pragma GCC ivdep
    for (int w = 0; w < window_step; ++w) {
      const T z = (inverse - inverse_mu[w]) * sigma[w];
      const T gaussian = begin + w < count ? exponential(gaussian_exponent(z)) : T(0);
      s[w] = gaussian * envelope;
      if constexpr (slopes) {
        slope[w] =
            sensitivity_slope(gaussian, z, sigma[w], inverse, envelope, tile.envelope_slope[k]);
      }
    }
  }
}

/// Keeps every pair.
struct AllPairs {
  inline __attribute__((always_inline)) bool operator()(int32_t) const { return true; }
};

/// Chooses the pairs within the cutoff that are to be kept and finds their windows.
template <class T, class Keep>
inline void choose_pairs(
    PairTile<T>& tile, const Radial<T>& radial, const T* vectors, const PairGroups& groups,
    int64_t begin, int size, const Keep& keep) {
  const T per_bin = window_bins / radial.cutoff;
  int32_t pairs[pair_tile];
  T distance[pair_tile];
  for (int k = 0; k < size; ++k) {
    pairs[k] = static_cast<int32_t>(groups.pair(begin + k));
  }
  for (int k = 0; k < size; ++k) {
    const T* r = vectors + 3 * static_cast<int64_t>(pairs[k]);
    distance[k] = r[0] * r[0] + r[1] * r[1] + r[2] * r[2];
  }
  int32_t bins[pair_tile];
  for (int k = 0; k < size; ++k) {
    // Written so that a NaN distance counts as inside and reaches the energy instead of vanishing.
    const T r = __builtin_sqrt(distance[k]);
    distance[k] = r;
    const T bin = r >= radial.cutoff ? T(-1) : r * per_bin;
    bins[k] = static_cast<int32_t>(bin);
  }
  int n = 0;
  for (int k = 0; k < size; ++k) {
    const int bin = bins[k] >= window_bins ? window_bins - 1 : bins[k] < 0 ? 0 : bins[k];
    tile.pair[n] = pairs[k];
    tile.distance[n] = distance[k];
    tile.first[n] = radial.first[bin];
    tile.count[n] = radial.count[bin];
    n += (bins[k] != -1) & keep(pairs[k]);
  }
  tile.size = n;
}

/// Fill the tile with those to keep of `size` pairs from place `begin` on: what the backward pass
/// needs (slopes) or what the forward pass does (tensor components).
template <class T, int C, bool slopes, class Keep>
inline void prepare(
    PairTile<T>& tile, const Radial<T>& radial, const T* vectors, const PairGroups& groups,
    int64_t begin, int size, const Keep& keep) {
  choose_pairs(tile, radial, vectors, groups, begin, size, keep);
  size = tile.size;
  T x[3][pair_tile];
  for (int k = 0; k < size; ++k) {
    for (int d = 0; d < 3; ++d) {
      x[d][k] = vectors[3 * static_cast<int64_t>(tile.pair[k]) + d];
    }
  }
  for (int k = 0; k < size; ++k) {
    const T r = tile.distance[k];
    const T inverse = 1 / r;
    tile.inverse_distance[k] = inverse;
    for (int d = 0; d < 3; ++d) {
      tile.direction[d][k] = x[d][k] * inverse;
    }
    const Envelope<T> envelope = envelope_at(r, radial.cutoff);
    tile.envelope[k] = envelope.value;
    tile.envelope_slope[k] = envelope.slope;
  }
  for (int k = 0; k < size; ++k) {
    if constexpr (!slopes) {
      T u[3];
      tile.direction_of(k, u);
      HIPNN_TS_UNROLL
      for (int c = 0; c < C; ++c) {
        tile.components[k][c] = component<T>(c, u);
      }
    }
    fill_window<T, slopes>(tile, radial, k, tile.first[k], tile.count[k]);
  }
}

} // namespace HIPNN_TS_ISA
} // namespace hipnn_ts
