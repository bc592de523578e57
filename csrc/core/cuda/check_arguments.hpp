// SPDX-License-Identifier: BSD-3-Clause
//
// The arguments of the kernels that check a step; see arguments.hpp.
#pragma once

#include "arguments.hpp"

namespace hipnn_ts {
namespace cuda {

/// `close` becomes 1 if a pair is closer than the limit of its species; `wrong` becomes n minus a
/// receiver whose pair has no direction, because its atoms coincide or a coordinate is NaN.
template <class T> struct CheckPairsArguments {
  long long n_receivers;
  Groups by_receiver;   // of the pairs themselves
  const int* species;   // (n_atoms,)
  const T* vectors;     // (P, 3)
  const double* limits; // (n_species, n_species), null if nothing is known
  int n_species;
  int* close;
  int* wrong;
};

/// `wrong` becomes n minus the first atom whose energy or force is not finite, unless it is larger
/// already.
struct CheckResultsArguments {
  long long n;
  const double* energies; // (n,)
  const double* forces;   // (n, 3)
  int* wrong;
};

} // namespace cuda
} // namespace hipnn_ts
