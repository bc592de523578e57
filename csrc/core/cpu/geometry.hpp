// SPDX-License-Identifier: BSD-3-Clause
//
// Geometry of pairs for training, with first and second derivatives. With r = d u, the envelope e
// and a gradient g of d, 1/d, e, u and u u^T - I/3:
//   A = g_d - g_i / d^2 + g_e e',  v = g_1 + 2 G_2 u,  dS/dr = A u + (v - (v.u) u) / d.
#pragma once

#include "core/cpu/radial.hpp"

namespace hipnn_ts {
namespace HIPNN_TS_ISA {

constexpr int geometry_block = 64;

/// Lengths, directions and envelopes of a block of pairs.
template <class T> struct GeometryBlock {
  int64_t begin;
  int n;
  T d[geometry_block], inverse[geometry_block], u[3][geometry_block];
  T e[3][geometry_block]; // the envelope and its derivatives

  GeometryBlock(const GeometryProblem<T>& x, int64_t first)
      : begin(first),
        n(static_cast<int>(
            x.n_pairs - first < geometry_block ? x.n_pairs - first : geometry_block)) {
    constexpr int terms = sizeof(T) == 4 ? 5 : 9;
    constexpr T pi = T(3.14159265358979323846);
    const T rate = pi / x.cutoff;
    for (int k = 0; k < n; ++k) {
      for (int a = 0; a < 3; ++a) {
        u[a][k] = x.vectors[3 * (begin + k) + a];
      }
    }
    for (int k = 0; k < n; ++k) {
      d[k] = __builtin_sqrt(u[0][k] * u[0][k] + u[1][k] * u[1][k] + u[2][k] * u[2][k]);
      inverse[k] = 1 / d[k];
      for (int a = 0; a < 3; ++a) {
        u[a][k] *= inverse[k];
      }
      // cos(pi d / 2R) = sin(t): measured from the cutoff, where relative accuracy would be lost.
      const T half = (pi / 4) * (1 - d[k] / x.cutoff);
      const T sine = half * trigonometric_series<T, 2, terms>(half * half);
      const T cosine = trigonometric_series<T, 1, terms>(half * half);
      const T sine_t = 2 * sine * cosine, cosine_t = cosine * cosine - sine * sine;
      const bool inside = d[k] < x.cutoff;
      e[0][k] = inside ? sine_t * sine_t : T(0);
      e[1][k] = inside ? -rate * sine_t * cosine_t : T(0);
      e[2][k] = inside ? rate * rate / 2 * (cosine_t * cosine_t - sine_t * sine_t) : T(0);
    }
  }
};

/// Calls body(block) for all pairs.
template <class T, class Body>
inline void for_geometry_blocks(const GeometryProblem<T>& x, const Body& body) {
#pragma omp parallel for schedule(static) num_threads(x.n_threads) if (x.n_pairs > 4096)
  for (int64_t begin = 0; begin < x.n_pairs; begin += geometry_block) {
    body(GeometryBlock<T>(x, begin));
  }
}

/// M x with M = 2 G_2, the gradient's symmetric matrix: of the components xx xy xz yy yz of u u^T.
template <class T>
inline __attribute__((always_inline)) void apply(const T* g, const T* x, T* out) {
  out[0] = 2 * g[0] * x[0] + g[1] * x[1] + g[2] * x[2];
  out[1] = g[1] * x[0] + 2 * g[3] * x[1] + g[4] * x[2];
  out[2] = g[2] * x[0] + g[4] * x[1];
}

template <class T> inline __attribute__((always_inline)) T dot(const T* a, const T* b) {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

/// d, 1/d, e and the tensor components.
template <class T, int C>
void geometry(const GeometryProblem<T>& x, const GeometryFactors<T>& out) {
  for_geometry_blocks(x, [&](const GeometryBlock<T>& b) {
    std::memcpy(out.distances + b.begin, b.d, b.n * sizeof(T));
    std::memcpy(out.inverse_distances + b.begin, b.inverse, b.n * sizeof(T));
    std::memcpy(out.envelopes + b.begin, b.e[0], b.n * sizeof(T));
    for (int k = 0; k < b.n; ++k) {
      T* y = out.components + (b.begin + k) * C;
      const T u[3] = {b.u[0][k], b.u[1][k], b.u[2][k]};
      y[0] = 1;
      if constexpr (C >= 4) {
        y[1] = u[0];
        y[2] = u[1];
        y[3] = u[2];
      }
      if constexpr (C >= 9) {
        y[4] = u[0] * u[0] - T(1) / 3;
        y[5] = u[0] * u[1];
        y[6] = u[0] * u[2];
        y[7] = u[1] * u[1] - T(1) / 3;
        y[8] = u[1] * u[2];
      }
    }
  });
}

/// Gradient (P, 3) with respect to the vectors.
template <class T, int C>
void geometry_backward(const GeometryProblem<T>& x, const GeometryFactors<const T>& g, T* vectors) {
  for_geometry_blocks(x, [&](const GeometryBlock<T>& b) {
    for (int k = 0; k < b.n; ++k) {
      const int64_t p = b.begin + k;
      const T inverse = b.inverse[k];
      const T* gy = g.components + p * C;
      const T u[3] = {b.u[0][k], b.u[1][k], b.u[2][k]};
      T v[3] = {};
      if constexpr (C >= 9) {
        apply(gy + 4, u, v);
      }
      if constexpr (C >= 4) {
        for (int a = 0; a < 3; ++a) {
          v[a] += gy[1 + a];
        }
      }
      const T along = g.distances[p] - g.inverse_distances[p] * inverse * inverse +
                      g.envelopes[p] * b.e[1][k] - dot(v, u) * inverse;
      for (int a = 0; a < 3; ++a) {
        vectors[3 * p + a] = along * u[a] + v[a] * inverse;
      }
    }
  });
}

/// How all four change when the vectors change along k (P, 3).
template <class T, int C>
void geometry_change(
    const GeometryProblem<T>& x, const T* k_vectors, const GeometryFactors<T>& out) {
  for_geometry_blocks(x, [&](const GeometryBlock<T>& b) {
    for (int k = 0; k < b.n; ++k) {
      const int64_t p = b.begin + k;
      const T inverse = b.inverse[k];
      const T u[3] = {b.u[0][k], b.u[1][k], b.u[2][k]};
      const T rate = dot(u, k_vectors + 3 * p);
      out.distances[p] = rate;
      out.inverse_distances[p] = -rate * inverse * inverse;
      out.envelopes[p] = b.e[1][k] * rate;
      T* y = out.components + p * C;
      y[0] = 0;
      if constexpr (C >= 4) {
        T turn[3];
        for (int a = 0; a < 3; ++a) {
          turn[a] = (k_vectors[3 * p + a] - rate * u[a]) * inverse;
          y[1 + a] = turn[a];
        }
        if constexpr (C >= 9) {
          y[4] = 2 * u[0] * turn[0];
          y[5] = u[0] * turn[1] + u[1] * turn[0];
          y[6] = u[0] * turn[2] + u[2] * turn[0];
          y[7] = 2 * u[1] * turn[1];
          y[8] = u[1] * turn[2] + u[2] * turn[1];
        }
      }
    }
  });
}

/// Gradient (P, 3), with respect to the vectors, of their gradient's product with k (P, 3).
template <class T, int C>
void geometry_double_backward(
    const GeometryProblem<T>& x, const GeometryFactors<const T>& g, const T* k_vectors,
    T* vectors) {
  for_geometry_blocks(x, [&](const GeometryBlock<T>& b) {
    for (int k = 0; k < b.n; ++k) {
      const int64_t p = b.begin + k;
      const T inverse = b.inverse[k];
      const T* gy = g.components + p * C;
      const T* direction = k_vectors + 3 * p;
      const T u[3] = {b.u[0][k], b.u[1][k], b.u[2][k]};
      T m_u[3] = {}, m_k[3] = {}, v[3] = {};
      if constexpr (C >= 9) {
        apply(gy + 4, u, m_u);
        apply(gy + 4, direction, m_k);
      }
      if constexpr (C >= 4) {
        for (int a = 0; a < 3; ++a) {
          v[a] = m_u[a] + gy[1 + a];
        }
      }
      const T rate = dot(u, direction), v_u = dot(v, u);
      const T a_d =
          g.distances[p] - g.inverse_distances[p] * inverse * inverse + g.envelopes[p] * b.e[1][k];
      const T a_slope =
          2 * g.inverse_distances[p] * inverse * inverse * inverse + g.envelopes[p] * b.e[2][k];
      const T turning = (dot(v, direction) - rate * v_u) * inverse;
      T across[3]; // what is projected on the plane normal to u
      for (int a = 0; a < 3; ++a) {
        across[a] = m_k[a] - rate * (v[a] + m_u[a]);
      }
      const T across_u = dot(across, u);
      for (int a = 0; a < 3; ++a) {
        const T turn = (direction[a] - rate * u[a]) * inverse;
        vectors[3 * p + a] = (a_slope * rate - turning * inverse) * u[a] +
                             (a_d - v_u * inverse) * turn +
                             (across[a] - across_u * u[a]) * inverse * inverse;
      }
    }
  });
}

} // namespace HIPNN_TS_ISA
} // namespace hipnn_ts
