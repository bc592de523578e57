// SPDX-License-Identifier: BSD-3-Clause
//
// Geometry of pairs for training, with first and second derivatives: a thread for each pair.
#pragma once

#include "core/geometry_terms.hpp"
#include "envelope.cuh"
#include "training_arguments.hpp"

namespace hipnn_ts {
namespace cuda {

__device__ inline PairGeometry<Real> geometry_of(const GeometryArguments<Real>& x, long long p) {
  const Real* r = x.vectors + 3 * p;
  const Real d = sqrt(r[0] * r[0] + r[1] * r[1] + r[2] * r[2]), inverse = 1 / d;
  PairGeometry<Real> out{
      d, inverse, {inverse * r[0], inverse * r[1], inverse * r[2]}, envelope_at(d, x.cutoff)};
  if (!(d < x.cutoff)) {
    out.envelope = {0, 0, 0};
  }
  return out;
}

/// Calls body(a pair's geometry, pair) for this thread's pairs.
template <class Body>
__device__ inline void for_geometry(const GeometryArguments<Real>& x, const Body& body) {
  for (long long p = grid_thread(); p < x.n_pairs; p += grid_threads()) {
    body(geometry_of(x, p), p);
  }
}

KERNEL(geometry, GeometryArguments<Real>) {
  for_geometry(
      x, [&](const PairGeometry<Real>& s, long long p) { write_geometry<l_max>(s, p, x.out); });
}

/// Gradient with respect to the vectors.
KERNEL(geometry_backward, GeometryArguments<Real>) {
  for_geometry(x, [&](const PairGeometry<Real>& s, long long p) {
    geometry_gradient<l_max>(s, p, x.gradients, x.vector_gradients + 3 * p);
  });
}

/// For the product of the vectors' gradient with k: gradients with respect to the gradients of all
/// four values and, unless null, with respect to the vectors.
KERNEL(geometry_double_backward, GeometryArguments<Real>) {
  for_geometry(x, [&](const PairGeometry<Real>& s, long long p) {
    const Real* k = x.directions + 3 * p;
    write_geometry_change<l_max>(s, p, k, x.out);
    if (x.vector_gradients) {
      geometry_double_gradient<l_max>(s, p, x.gradients, k, x.vector_gradients + 3 * p);
    }
  });
}

} // namespace cuda
} // namespace hipnn_ts
