// SPDX-License-Identifier: BSD-3-Clause
//
// Fixed-width chunks of features held in registers, through the compiler's vector types: the same
// code for every instruction set. Included once per instruction set, inside its namespace.
#pragma once

#include <cstring>
#include <type_traits>

namespace hipnn_ts {
namespace HIPNN_TS_ISA {

#if defined(__AVX512F__)
constexpr int vector_bytes = 64;
constexpr int chunk_vectors = 2; // 32 registers: 9 components x 2 vectors stay resident
#elif defined(__AVX2__)
constexpr int vector_bytes = 32;
constexpr int chunk_vectors = 1;
#else
constexpr int vector_bytes = 16;
constexpr int chunk_vectors = 1;
#endif

template <class T> constexpr int max_lanes = vector_bytes / static_cast<int>(sizeof(T));

/// `width` consecutive features.
template <class T, int width> struct Chunk {
  static constexpr int lanes = width < max_lanes<T> ? width : max_lanes<T>;
  static constexpr int n = width / lanes;
  typedef T Vector __attribute__((vector_size(lanes * sizeof(T))));
  Vector v[n];

  static inline __attribute__((always_inline)) Chunk zero() {
    Chunk c;
    for (int k = 0; k < n; ++k) {
      c.v[k] = Vector{};
    }
    return c;
  }

  static inline __attribute__((always_inline)) Chunk load(const T* from) {
    Chunk c;
    for (int k = 0; k < n; ++k) {
      std::memcpy(&c.v[k], from + k * lanes, sizeof(Vector));
    }
    return c;
  }

  inline __attribute__((always_inline)) void store(T* to) const {
    for (int k = 0; k < n; ++k) {
      std::memcpy(to + k * lanes, &v[k], sizeof(Vector));
    }
  }

  /// this += scale * x
  inline __attribute__((always_inline)) void add(T scale, const Chunk& x) {
    for (int k = 0; k < n; ++k) {
      v[k] += scale * x.v[k];
    }
  }

  /// this += x * y
  inline __attribute__((always_inline)) void add(const Chunk& x, const Chunk& y) {
    for (int k = 0; k < n; ++k) {
      v[k] += x.v[k] * y.v[k];
    }
  }

  inline __attribute__((always_inline)) T sum() const {
    T parts[lanes];
    Vector total = v[0];
    for (int k = 1; k < n; ++k) {
      total += v[k];
    }
    std::memcpy(parts, &total, sizeof(total));
    for (int half = lanes / 2; half > 0; half /= 2) {
      for (int l = 0; l < half; ++l) {
        parts[l] += parts[l + half];
      }
    }
    return parts[0];
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
