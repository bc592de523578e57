// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "core/radial_terms.hpp"
#include "prelude.cuh"

namespace hipnn_ts {
namespace cuda {

/// The envelope at a distance, with its derivatives.
__device__ inline Envelope<Real> envelope_at(Real distance, Real cutoff) {
  Real sine, cosine;
  sincospi(Real(0.5) * (1 - distance / cutoff), &sine, &cosine);
  return envelope_of(sine, cosine, cutoff);
}

} // namespace cuda
} // namespace hipnn_ts
