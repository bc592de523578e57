// SPDX-License-Identifier: BSD-3-Clause
//
// Results of a step for a committee, and the deviations of its members. A single network is a
// committee of one.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>

namespace hipnn_ts {

constexpr int mean_of_all = -1;

struct Wanted {
  int member = mean_of_all; // member whose energies, forces and virial are the results
  bool deviations = false;  // deviations, which need all members
  bool uncertainty = false; // uncertainties of forces, for a network that has them
};

/// Writes to out (size,) the mean of n rows of values, each `stride` after the previous one.
inline void average(const double* values, int n, int64_t stride, int64_t size, double* out) {
  for (int64_t c = 0; c < size; ++c) {
    double sum = 0.0;
    for (int k = 0; k < n; ++k) {
      sum += values[k * stride + c];
    }
    out[c] = sum / n;
  }
}

/// sqrt(mean_k |v_k - mean|^2) of n such rows, with vectors of at most 3 components.
inline double deviation(const double* values, int n, int64_t stride, int size = 1) {
  double mean[3], sum = 0.0;
  average(values, n, stride, size, mean);
  for (int k = 0; k < n; ++k) {
    for (int c = 0; c < size; ++c) {
      const double apart = values[k * stride + c] - mean[c];
      sum += apart * apart;
    }
  }
  return std::sqrt(sum / n);
}

/// Standard deviations over the members, for one structure, valid until the next step of the
/// evaluation.
struct Deviations {
  double energy;                // eV, of the structure
  const double* forces;         // (n,), eV/Å: one for the three components of an atom
  std::array<double, 9> virial; // eV, for each component
};

} // namespace hipnn_ts
