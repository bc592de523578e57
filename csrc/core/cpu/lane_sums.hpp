// SPDX-License-Identifier: BSD-3-Clause
//
// Several sums over features at once: lanes are added up only at the end, for all sums together.
#pragma once

#include "core/cpu/simd.hpp"

namespace hipnn_ts {
namespace HIPNN_TS_ISA {

/// Sums of the lanes of N vectors, N a power of two and at most the number of lanes. At each level
/// two vectors become one, which contains the halves of each group of `group` lanes side by side.
template <class T, int lanes, int N> class LaneTree {
public:
  using Vector = typename VectorOf<T, lanes>::type;

  /// out[i] = sum of the lanes of load(i).
  template <class Load>
  static inline __attribute__((always_inline)) void sum(const Load& load, T* out) {
    Vector v[N];
    if constexpr (N == lanes) { // in an order such that the sums come out in the requested order
      unrolled<N>([&](auto j) __attribute__((always_inline)) { v[item(lanes, j)] = load(j); });
      const Vector sums = level<N, lanes>(v);
      std::memcpy(out, &sums, sizeof(sums));
    } else {
      unrolled<N>([&](auto i) __attribute__((always_inline)) { v[i] = load(i); });
      const Vector sums = level<N, lanes>(v);
      T values[lanes];
      std::memcpy(values, &sums, sizeof(sums));
      unrolled<lanes>([&](auto j)
                          __attribute__((always_inline)) { out[item(lanes, j)] = values[j]; });
    }
  }

private:
  /// Lane of two consecutive vectors from which lane j of one half is taken. The last level stays
  /// within 16 bytes, for which there are instructions.
  static constexpr int source(int group, bool upper, int j) {
    const bool within = group == 2 && sizeof(T) == 4 && lanes >= 4;
    const int width = within ? 4 : group, half = width / 2;
    const int place = j % width, first = j / width * width + (place >= half ? lanes : 0);
    return within ? first + 2 * (place % half) + upper : first + (upper ? half : 0) + place % half;
  }

  /// The index of the sum in lane j after the levels down to `group` of 1, seen from the last one.
  static constexpr int item(int n_groups, int j) {
    if (n_groups == 1) {
      return 0;
    }
    const int group = 2 * lanes / n_groups, vectors = N * 2 > n_groups ? n_groups / 2 : 0;
    const int from = source(group, false, j);
    return item(n_groups / 2, from % lanes) + (from >= lanes ? vectors : 0);
  }

  template <int group, bool upper, int... j>
  static inline __attribute__((always_inline)) Vector
  half(Vector a, Vector b, std::integer_sequence<int, j...>) {
    return __builtin_shufflevector(a, b, source(group, upper, j)...);
  }

  template <int n, int group>
  static inline __attribute__((always_inline)) Vector level(const Vector (&v)[n]) {
    if constexpr (group == 1) {
      return v[0];
    } else {
      constexpr int left = n > 1 ? n / 2 : 1;
      using All = std::make_integer_sequence<int, lanes>;
      Vector next[left];
      unrolled<left>([&](auto k) __attribute__((always_inline)) {
        const Vector a = v[n > 1 ? 2 * k : 0], b = v[n > 1 ? 2 * k + 1 : 0];
        next[k] = half<group, false>(a, b, All()) + half<group, true>(a, b, All());
      });
      return level<left, group / 2>(next);
    }
  }
};

/// out[i] = sum of the lanes of v[i], for n vectors.
template <class T, int lanes, int n>
inline __attribute__((always_inline)) void
sum_lanes(const typename VectorOf<T, lanes>::type* v, T* out) {
  constexpr int step = n >= lanes ? lanes : n >= 4 ? 4 : n >= 2 ? 2 : 1;
  LaneTree<T, lanes, step>::sum([&](auto i) __attribute__((always_inline)) { return v[i]; }, out);
  if constexpr (n > step) {
    sum_lanes<T, lanes, n - step>(v + step, out + step);
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
    sum_lanes<T, max_lanes<T>, N>(wide_, out);
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
