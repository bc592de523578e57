// SPDX-License-Identifier: BSD-3-Clause
//
// Fixed-width chunks of features in registers, through the compiler's vector types: the same code
// for every instruction set. Included once per instruction set, inside its namespace.
#pragma once

#include <cstring>
#include <type_traits>
#include <utility>

namespace hipnn_ts {
namespace HIPNN_TS_ISA {

#if defined(__AVX512F__)
constexpr int vector_bytes = 64, vector_registers = 32;
#elif defined(__AVX2__)
constexpr int vector_bytes = 32, vector_registers = 16;
#elif defined(__aarch64__)
constexpr int vector_bytes = 16, vector_registers = 32;
#else
constexpr int vector_bytes = 16, vector_registers = 16;
#endif
constexpr int chunk_vectors = vector_registers / 16; // 9 components of a chunk stay in registers

template <class T> constexpr int max_lanes = vector_bytes / static_cast<int>(sizeof(T));

template <class T, int lanes> struct VectorOf {
  typedef T type __attribute__((vector_size(lanes * sizeof(T))));
};

template <int begin, class Vector, int... lane>
inline __attribute__((always_inline)) auto
part(Vector vector, std::integer_sequence<int, lane...>) {
  return __builtin_shufflevector(vector, vector, begin + lane...);
}

/// Sum of the lanes by halves, with shuffles, because taking an address would keep the vector in
/// memory.
template <class T, int lanes>
inline __attribute__((always_inline)) T horizontal_sum(typename VectorOf<T, lanes>::type vector) {
  if constexpr (lanes == 1) {
    return vector[0];
  } else {
    using Half = std::make_integer_sequence<int, lanes / 2>;
    return horizontal_sum<T, lanes / 2>(part<0>(vector, Half()) + part<lanes / 2>(vector, Half()));
  }
}

/// Calls body(0), ..., body(n - 1) with integral constants, because the compiler may keep the
/// elements of an array in memory if a loop's variable indexes it.
template <class Body, int... k>
inline __attribute__((always_inline)) void
unrolled(const Body& body, std::integer_sequence<int, k...>) {
  (body(std::integral_constant<int, k>{}), ...);
}
template <int n, class Body> inline __attribute__((always_inline)) void unrolled(const Body& body) {
  unrolled(body, std::make_integer_sequence<int, n>());
}

/// `width` consecutive features.
template <class T, int width> struct Chunk {
  static constexpr int lanes = width < max_lanes<T> ? width : max_lanes<T>;
  static constexpr int n = width / lanes;
  using Vector = typename VectorOf<T, lanes>::type;
  Vector v[n];

  static inline __attribute__((always_inline)) Chunk zero() {
    Chunk c;
    unrolled<n>([&](auto k) __attribute__((always_inline)) { c.v[k] = Vector{}; });
    return c;
  }

  static inline __attribute__((always_inline)) Chunk load(const T* from) {
    Chunk c;
    unrolled<n>([&](auto k) __attribute__((always_inline)) {
      std::memcpy(&c.v[k], from + k * lanes, sizeof(Vector));
    });
    return c;
  }

  /// Values of another type.
  template <class From>
  static inline __attribute__((always_inline)) Chunk convert(const From* from) {
    Chunk c;
    unrolled<n>([&](auto k) __attribute__((always_inline)) {
      typename VectorOf<From, lanes>::type v;
      std::memcpy(&v, from + k * lanes, sizeof(v));
      c.v[k] = __builtin_convertvector(v, Vector);
    });
    return c;
  }

  inline __attribute__((always_inline)) void store(T* to) const {
    unrolled<n>([&](auto k) __attribute__((always_inline)) {
      std::memcpy(to + k * lanes, &v[k], sizeof(Vector));
    });
  }

  /// this += scale * x
  inline __attribute__((always_inline)) void add(T scale, const Chunk& x) {
    unrolled<n>([&](auto k) __attribute__((always_inline)) { v[k] += scale * x.v[k]; });
  }

  /// this += x * y
  inline __attribute__((always_inline)) void add(const Chunk& x, const Chunk& y) {
    unrolled<n>([&](auto k) __attribute__((always_inline)) { v[k] += x.v[k] * y.v[k]; });
  }

  /// scale * this - y
  inline __attribute__((always_inline)) Chunk scaled_minus(T scale, const Chunk& y) const {
    Chunk out;
    unrolled<n>([&](auto k) __attribute__((always_inline)) { out.v[k] = scale * v[k] - y.v[k]; });
    return out;
  }

  inline __attribute__((always_inline)) T sum() const {
    Vector total = v[0];
    unrolled<n - 1>([&](auto k) __attribute__((always_inline)) { total += v[k + 1]; });
    return horizontal_sum<T, lanes>(total);
  }
};

/// Calls body(width, begin) with width an integral constant, until n features are covered: wide
/// chunks first, then halves, so that any width is exact without padding.
template <class T, int width = max_lanes<T> * chunk_vectors, class Body>
inline __attribute__((always_inline)) void for_chunks(int n, const Body& body, int begin = 0) {
  for (; begin + width <= n; begin += width) {
    body(std::integral_constant<int, width>{}, begin);
  }
  if constexpr (width > 1) {
    if (begin < n) {
      for_chunks<T, width / 2>(n, body, begin);
    }
  }
}

} // namespace HIPNN_TS_ISA
} // namespace hipnn_ts
