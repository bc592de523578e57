// SPDX-License-Identifier: BSD-3-Clause
//
// Repulsion of two nuclei, as in model/repulsion.py; compiled by the host's compiler and by NVRTC.
#pragma once

#ifndef __CUDACC_RTC__ // NVRTC has exp without it
#include <cmath>
#endif

namespace hipnn_ts {

constexpr int screening_terms = 4;

/// For two species at distance r below `outer`: sum_k strength_k exp(exponent_k r) / r, in eV, and
/// a switch, cubic t^3 + quartic t^4 + shift, where t is the distance beyond `inner`; nothing
/// farther out.
struct RepulsionTerms {
  double inner, outer; // Å
  double strength[screening_terms], exponent[screening_terms];
  double cubic, quartic, shift;
};

/// An energy and its derivative with respect to the distance.
struct RadialEnergy {
  double energy, slope;
};

inline RadialEnergy repulsion_at(double r, const RepulsionTerms& x) {
  double sum = 0, change = 0;
  for (int k = 0; k < screening_terms; ++k) {
    const double term = x.strength[k] * exp(x.exponent[k] * r);
    sum += term;
    change += x.exponent[k] * term;
  }
  const double t = r > x.inner ? r - x.inner : 0.0;
  return {
      sum / r + t * t * t * (x.cubic + x.quartic * t) + x.shift,
      (change - sum / r) / r + t * t * (3 * x.cubic + 4 * x.quartic * t)};
}

} // namespace hipnn_ts
