// SPDX-License-Identifier: BSD-3-Clause
//
// Several sums over features at once: lanes are added up only at the end, for all sums together.
#pragma once

#include "core/cpu/simd.hpp"

namespace hipnn_ts {
namespace HIPNN_TS_ISA {

/// Every second lane of two vectors in a row, from `odd` (0 or 1) on: as many as the sequence
/// names.
template <int odd, class Vector, int... lane>
inline __attribute__((always_inline)) auto
every_second(Vector a, Vector b, std::integer_sequence<int, lane...>) {
  return __builtin_shufflevector(a, b, (2 * lane + odd)...);
}

/// Neighbouring lanes added until N are left.
template <class T, int lanes, int N>
inline __attribute__((always_inline)) typename VectorOf<T, N>::type
fold(typename VectorOf<T, lanes>::type v) {
  if constexpr (lanes == N) {
    return v;
  } else {
    using Half = std::make_integer_sequence<int, lanes / 2>;
    return fold<T, lanes / 2, N>(every_second<0>(v, v, Half()) + every_second<1>(v, v, Half()));
  }
}

/// Sums of the lanes of N vectors, N a power of two.
template <class T, int lanes, int N>
inline __attribute__((always_inline)) void
horizontal_sums(const typename VectorOf<T, lanes>::type* v, T* out) {
  if constexpr (N == 1) {
    out[0] = horizontal_sum<T, lanes>(v[0]);
  } else if constexpr (N > lanes) {
    horizontal_sums<T, lanes, N / 2>(v, out);
    horizontal_sums<T, lanes, N / 2>(v + N / 2, out + N / 2);
  } else {
    using Lanes = std::make_integer_sequence<int, lanes>;
    typename VectorOf<T, lanes>::type sums[N];
    for (int k = 0; k < N; ++k) {
      sums[k] = v[k];
    }
    for (int n = N / 2; n >= 1; n /= 2) {
      for (int k = 0; k < n; ++k) {
        sums[k] = every_second<0>(sums[2 * k], sums[2 * k + 1], Lanes()) +
                  every_second<1>(sums[2 * k], sums[2 * k + 1], Lanes());
      }
    }
    // Each sum is now spread over lanes / N neighbours.
    typename VectorOf<T, N>::type whole = fold<T, lanes, N>(sums[0]);
    std::memcpy(out, &whole, sizeof(whole));
  }
}

/// N sums over features.
template <class T, int N> class LaneSums {
public:
  /// sum k += x . y
  template <int width>
  inline __attribute__((always_inline)) void
  add(int k, const Chunk<T, width>& x, const Chunk<T, width>& y) {
    using F = Chunk<T, width>;
    if constexpr (F::lanes == max_lanes<T>) {
      for (int j = 0; j < F::n; ++j) {
        wide_[k] += x.v[j] * y.v[j];
      }
    } else {
      F product = F::zero();
      product.add(x, y);
      rest_[k] += product.sum();
    }
  }

  inline __attribute__((always_inline)) void store(T* out) const {
    constexpr int lanes = max_lanes<T>;
    constexpr int even = N - N % 4;
    for (int k = 0; k < even; k += 4) {
      horizontal_sums<T, lanes, 4>(wide_ + k, out + k);
    }
    for (int k = even; k < N; ++k) {
      horizontal_sums<T, lanes, 1>(wide_ + k, out + k);
    }
    for (int k = 0; k < N; ++k) {
      out[k] += rest_[k];
    }
  }

private:
  typename VectorOf<T, max_lanes<T>>::type wide_[N] = {};
  T rest_[N] = {};
};

} // namespace HIPNN_TS_ISA
} // namespace hipnn_ts
