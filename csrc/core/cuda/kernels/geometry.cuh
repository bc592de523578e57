// SPDX-License-Identifier: BSD-3-Clause
//
// Geometry of pairs for training, with first and second derivatives: the formulae are those of
// core/cpu/geometry.hpp. A thread for each pair.
#pragma once

#include "prelude.cuh"
#include "training_arguments.hpp"

namespace hipnn_ts {
namespace cuda {

struct Vector {
  Real x, y, z;
};

__device__ inline Real dot(const Vector& a, const Vector& b) {
  return a.x * b.x + a.y * b.y + a.z * b.z;
}

__device__ inline Vector operator+(const Vector& a, const Vector& b) {
  return {a.x + b.x, a.y + b.y, a.z + b.z};
}

__device__ inline Vector operator*(Real scale, const Vector& a) {
  return {scale * a.x, scale * a.y, scale * a.z};
}

__device__ inline Vector vector(const Real* vectors, long long p) {
  return {vectors[3 * p], vectors[3 * p + 1], vectors[3 * p + 2]};
}

/// Length, direction and envelope, with its first two derivatives, of a pair.
struct PairShape {
  Real d, inverse, e, slope, curvature;
  Vector u;

  __device__ PairShape(const GeometryArguments<Real>& x, long long p) {
    const Vector r = vector(x.vectors, p);
    d = sqrt(dot(r, r));
    inverse = 1 / d;
    u = inverse * r;
    // cos(pi d / 2R) = sin(t): measured from the cutoff, where relative accuracy would be lost.
    Real sine, cosine;
    sincospi(Real(0.5) * (1 - d / x.cutoff), &sine, &cosine);
    const Real rate = Real(3.14159265358979323846) / x.cutoff;
    const bool inside = d < x.cutoff;
    e = inside ? sine * sine : Real(0);
    slope = inside ? -rate * sine * cosine : Real(0);
    curvature = inside ? rate * rate / 2 * (cosine * cosine - sine * sine) : Real(0);
  }
};

/// M x with M = 2 G_2, the gradient's symmetric matrix: of the components xx xy xz yy yz of u u^T.
__device__ inline Vector apply(const Real* g, const Vector& x) {
  return {
      2 * g[0] * x.x + g[1] * x.y + g[2] * x.z, g[1] * x.x + 2 * g[3] * x.y + g[4] * x.z,
      g[2] * x.x + g[4] * x.y};
}

/// What the gradients of a pair's components say: M, and v = g_1 + M u.
struct Turning {
  const Real* second;
  Vector m_u, v;

  __device__ Turning(const GeometryArguments<Real>& x, long long p, const Vector& u)
      : second(x.gradients.components + p * C + 4), m_u{0, 0, 0}, v{0, 0, 0} {
    if (C >= 9) {
      m_u = apply(second, u);
    }
    if (C >= 4) {
      v = m_u + Vector{second[-3], second[-2], second[-1]};
    }
  }
};

__device__ inline void write(Real* vectors, long long p, const Vector& value) {
  vectors[3 * p] = value.x;
  vectors[3 * p + 1] = value.y;
  vectors[3 * p + 2] = value.z;
}

KERNEL(geometry, GeometryArguments<Real>) {
  for (long long p = grid_thread(); p < x.n_pairs; p += grid_threads()) {
    const PairShape s(x, p);
    x.out.distances[p] = s.d;
    x.out.inverse_distances[p] = s.inverse;
    x.out.envelopes[p] = s.e;
    Real* y = x.out.components + p * C;
    y[0] = 1;
    if (C >= 4) {
      y[1] = s.u.x;
      y[2] = s.u.y;
      y[3] = s.u.z;
    }
    if (C >= 9) {
      y[4] = s.u.x * s.u.x - Real(1) / 3;
      y[5] = s.u.x * s.u.y;
      y[6] = s.u.x * s.u.z;
      y[7] = s.u.y * s.u.y - Real(1) / 3;
      y[8] = s.u.y * s.u.z;
    }
  }
}

/// Gradient with respect to the vectors.
KERNEL(geometry_backward, GeometryArguments<Real>) {
  for (long long p = grid_thread(); p < x.n_pairs; p += grid_threads()) {
    const PairShape s(x, p);
    const Turning g(x, p, s.u);
    const Real along = x.gradients.distances[p] -
                       x.gradients.inverse_distances[p] * s.inverse * s.inverse +
                       x.gradients.envelopes[p] * s.slope - dot(g.v, s.u) * s.inverse;
    write(x.vector_gradients, p, along * s.u + s.inverse * g.v);
  }
}

/// How values change when the vectors change along k.
__device__ inline void
change_values(const GeometryArguments<Real>& x, long long p, const PairShape& s, const Vector& k) {
  const Real rate = dot(s.u, k);
  x.out.distances[p] = rate;
  x.out.inverse_distances[p] = -rate * s.inverse * s.inverse;
  x.out.envelopes[p] = s.slope * rate;
  Real* y = x.out.components + p * C;
  y[0] = 0;
  const Vector u = s.u, turn = s.inverse * (k + -rate * u);
  if (C >= 4) {
    y[1] = turn.x;
    y[2] = turn.y;
    y[3] = turn.z;
  }
  if (C >= 9) {
    y[4] = 2 * u.x * turn.x;
    y[5] = u.x * turn.y + u.y * turn.x;
    y[6] = u.x * turn.z + u.z * turn.x;
    y[7] = 2 * u.y * turn.y;
    y[8] = u.y * turn.z + u.z * turn.y;
  }
}

/// Of the product of the vectors' gradient with k: gradients with respect to the gradients of all
/// four values and, where there is a place for it, with respect to the vectors.
KERNEL(geometry_double_backward, GeometryArguments<Real>) {
  for (long long p = grid_thread(); p < x.n_pairs; p += grid_threads()) {
    const PairShape s(x, p);
    const Vector k = vector(x.directions, p);
    change_values(x, p, s, k);
    if (!x.vector_gradients) {
      continue;
    }
    const Turning g(x, p, s.u);
    const Vector m_k = C >= 9 ? apply(g.second, k) : Vector{0, 0, 0};
    const Real rate = dot(s.u, k), v_u = dot(g.v, s.u), inverse = s.inverse;
    const Real g_inverse = x.gradients.inverse_distances[p], g_e = x.gradients.envelopes[p];
    const Real a = x.gradients.distances[p] - g_inverse * inverse * inverse + g_e * s.slope;
    const Real a_slope = 2 * g_inverse * inverse * inverse * inverse + g_e * s.curvature;
    const Real turning = (dot(g.v, k) - rate * v_u) * inverse;
    const Vector across = m_k + -rate * (g.v + g.m_u);
    const Vector turn = inverse * (k + -rate * s.u);
    write(
        x.vector_gradients, p,
        (a_slope * rate - turning * inverse) * s.u + (a - v_u * inverse) * turn +
            inverse * inverse * (across + -dot(across, s.u) * s.u));
  }
}

} // namespace cuda
} // namespace hipnn_ts
