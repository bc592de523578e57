// SPDX-License-Identifier: BSD-3-Clause
//
// Geometry of one pair for training, with first and second derivatives; compiled like
// components.hpp. With r = d u, the envelope e and a gradient g of d, 1/d, e and the components Y:
// A = g_d - g_i / d^2 + g_e e',  v = d(g_Y.Y)/du,  dS/dr = A u + (v - (v.u) u) / d. `Factors` has
// pointers to the distances, inverse_distances, envelopes and components of all pairs.
#pragma once

#include "core/radial_terms.hpp"

namespace hipnn_ts {

template <class T> struct PairGeometry {
  T distance, inverse, u[3];
  Envelope<T> envelope;
};

template <class T> HIPNN_TS_INLINE T dot(const T* a, const T* b) {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

template <int l_max, class T, class Factors>
HIPNN_TS_INLINE void write_geometry(const PairGeometry<T>& s, long long p, const Factors& out) {
  constexpr int C = n_components(l_max);
  out.distances[p] = s.distance;
  out.inverse_distances[p] = s.inverse;
  out.envelopes[p] = s.envelope.value;
  HIPNN_TS_UNROLL
  for (int c = 0; c < C; ++c) {
    out.components[p * C + c] = component<T>(c, s.u);
  }
}

/// A of g.
template <class T, class Factors>
HIPNN_TS_INLINE T distance_gradient(const PairGeometry<T>& s, long long p, const Factors& g) {
  return g.distances[p] - g.inverse_distances[p] * s.inverse * s.inverse +
         g.envelopes[p] * s.envelope.slope;
}

/// Gradient (3,) with respect to the vector.
template <int l_max, class T, class Factors>
HIPNN_TS_INLINE void
geometry_gradient(const PairGeometry<T>& s, long long p, const Factors& g, T* out) {
  PairSums<T> sums;
  sums.distance = distance_gradient(s, p, g);
  components_gradient<l_max>(g.components + p * n_components(l_max), s.u, sums.direction);
  vector_gradient(sums, s.u, s.inverse, out);
}

/// Change of the values when the vector changes by k.
template <int l_max, class T, class Factors>
HIPNN_TS_INLINE void
write_geometry_change(const PairGeometry<T>& s, long long p, const T* k, const Factors& out) {
  constexpr int C = n_components(l_max);
  const T rate = dot(s.u, k);
  out.distances[p] = rate;
  out.inverse_distances[p] = -rate * s.inverse * s.inverse;
  out.envelopes[p] = s.envelope.slope * rate;
  T turn[3];
  for (int d = 0; d < 3; ++d) {
    turn[d] = (k[d] - rate * s.u[d]) * s.inverse;
  }
  HIPNN_TS_UNROLL
  for (int c = 0; c < C; ++c) {
    out.components[p * C + c] = component_change(c, s.u, turn);
  }
}

/// Gradient (3,), with respect to the vector, of the product of its gradient with k.
template <int l_max, class T, class Factors>
HIPNN_TS_INLINE void geometry_double_gradient(
    const PairGeometry<T>& s, long long p, const Factors& g, const T* k, T* out) {
  const T inverse = s.inverse, *u = s.u, *own = g.components + p * n_components(l_max);
  T v[3], v_u[3], v_k[3]; // v, and its change along u and k
  components_gradient<l_max>(own, u, v);
  components_curvature<l_max>(own, u, u, v_u);
  components_curvature<l_max>(own, u, k, v_k);
  const T rate = dot(u, k), along = dot(v, u);
  const T A = distance_gradient(s, p, g);
  const T A_slope = 2 * g.inverse_distances[p] * inverse * inverse * inverse +
                    g.envelopes[p] * s.envelope.curvature;
  const T turning = (dot(v, k) - rate * along) * inverse;
  T across[3]; // the vector that is projected on the plane normal to u
  for (int d = 0; d < 3; ++d) {
    across[d] = v_k[d] - rate * (v[d] + v_u[d]);
  }
  const T across_u = dot(across, u);
  for (int d = 0; d < 3; ++d) {
    const T turn = (k[d] - rate * u[d]) * inverse;
    out[d] = (A_slope * rate - turning * inverse) * u[d] + (A - along * inverse) * turn +
             (across[d] - across_u * u[d]) * inverse * inverse;
  }
}

} // namespace hipnn_ts
