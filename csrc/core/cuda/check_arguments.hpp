// SPDX-License-Identifier: BSD-3-Clause
//
// What the kernels that check a step are given; see arguments.hpp.
#pragma once

#include "arguments.hpp"

namespace hipnn_ts {
namespace cuda {

/// Sets the flag where a pair is closer than the limit of its species.
template <class T> struct ClosePairsArguments {
  long long n_receivers;
  Groups by_receiver;   // of pairs themselves
  const int* species;   // (n_atoms,)
  const T* vectors;     // (P, 3)
  const double* limits; // (n_species, n_species)
  int n_species;
  int* flag;
};

/// `wrong` becomes n minus the first atom whose energy or force is not finite.
struct NotFiniteArguments {
  long long n;
  const double* energies; // (n,)
  const double* forces;   // (n, 3)
  int* wrong;
};

} // namespace cuda
} // namespace hipnn_ts
