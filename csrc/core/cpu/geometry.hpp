// SPDX-License-Identifier: BSD-3-Clause
//
// Geometry of pairs for training: the loops over them.
#pragma once

#include "core/cpu/radial.hpp"
#include "core/geometry_terms.hpp"
#include "core/training_kernels.hpp"

namespace hipnn_ts {
namespace HIPNN_TS_ISA {

constexpr int geometry_block = 64;

/// Lengths, directions and envelopes of a block of pairs.
template <class T> struct GeometryBlock {
  int64_t begin;
  int n;
  T distance[geometry_block], inverse[geometry_block], u[3][geometry_block];
  T envelope[geometry_block], slope[geometry_block], curvature[geometry_block];

  GeometryBlock(const GeometryProblem<T>& x, int64_t first)
      : begin(first),
        n(static_cast<int>(
            x.n_pairs - first < geometry_block ? x.n_pairs - first : geometry_block)) {
    for (int k = 0; k < n; ++k) {
      for (int a = 0; a < 3; ++a) {
        u[a][k] = x.vectors[3 * (begin + k) + a];
      }
    }
    for (int k = 0; k < n; ++k) {
      const T d = __builtin_sqrt(u[0][k] * u[0][k] + u[1][k] * u[1][k] + u[2][k] * u[2][k]);
      distance[k] = d;
      inverse[k] = 1 / d;
      for (int a = 0; a < 3; ++a) {
        u[a][k] *= inverse[k];
      }
      const Envelope<T> e = envelope_at(d, x.cutoff);
      const bool inside = d < x.cutoff;
      envelope[k] = inside ? e.value : T(0);
      slope[k] = inside ? e.slope : T(0);
      curvature[k] = inside ? e.curvature : T(0);
    }
  }

  inline __attribute__((always_inline)) PairGeometry<T> pair(int k) const {
    return {
        distance[k],
        inverse[k],
        {u[0][k], u[1][k], u[2][k]},
        {envelope[k], slope[k], curvature[k]}};
  }
};

/// Calls body(pair's geometry, pair) for all pairs.
template <class T, class Body>
inline void for_geometry(const GeometryProblem<T>& x, const Body& body) {
#pragma omp parallel for schedule(static) num_threads(x.n_threads) if (x.n_pairs > 4096)
  for (int64_t begin = 0; begin < x.n_pairs; begin += geometry_block) {
    const GeometryBlock<T> block(x, begin);
    for (int k = 0; k < block.n; ++k) {
      body(block.pair(k), begin + k);
    }
  }
}

template <class T, int C>
void geometry(const GeometryProblem<T>& x, const GeometryFactors<T>& out) {
  for_geometry(
      x, [&](const PairGeometry<T>& s, int64_t p) { write_geometry<order_of(C)>(s, p, out); });
}

/// Gradient (P, 3) with respect to the vectors.
template <class T, int C>
void geometry_backward(const GeometryProblem<T>& x, const GeometryFactors<const T>& g, T* vectors) {
  for_geometry(x, [&](const PairGeometry<T>& s, int64_t p) {
    geometry_gradient<order_of(C)>(s, p, g, vectors + 3 * p);
  });
}

/// Change of all four values when the vectors change along k (P, 3).
template <class T, int C>
void geometry_change(const GeometryProblem<T>& x, const T* k, const GeometryFactors<T>& out) {
  for_geometry(x, [&](const PairGeometry<T>& s, int64_t p) {
    write_geometry_change<order_of(C)>(s, p, k + 3 * p, out);
  });
}

/// Gradient (P, 3), with respect to the vectors, of the product of their gradient with k (P, 3).
template <class T, int C>
void geometry_double_backward(
    const GeometryProblem<T>& x, const GeometryFactors<const T>& g, const T* k, T* vectors) {
  for_geometry(x, [&](const PairGeometry<T>& s, int64_t p) {
    geometry_double_gradient<order_of(C)>(s, p, g, k + 3 * p, vectors + 3 * p);
  });
}

} // namespace HIPNN_TS_ISA
} // namespace hipnn_ts
