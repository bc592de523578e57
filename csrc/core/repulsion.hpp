// SPDX-License-Identifier: BSD-3-Clause
//
// The optional repulsion of nuclei, beside the blocks of a network.
#pragma once

#include "core/pairs.hpp"
#include "core/repulsion_radii.hpp"
#include "core/repulsion_terms.hpp"

namespace hipnn_ts {

/// Acts between atoms closer than `reach`, in Å, at most; has no effect without terms.
struct Repulsion {
  double reach = 0.0;
  int n_species = 0;
  std::vector<RepulsionTerms> terms; // (n_species, n_species)

  explicit operator bool() const { return !terms.empty(); }
};

/// Terms between species of these nuclear charges, with the radii of each two of them.
Repulsion
repulsion_of(const std::vector<RepulsionRadii>& radii, const std::vector<double>& charges);

/// Half of each pair's energy is added to its receiver's, and half of its gradient to the pair
/// vector's, (P, 3). Sums run in one order, whatever the number of threads.
template <class T>
void add_repulsion(
    const Repulsion& repulsion, const PairGroups& by_receiver, const int64_t* species,
    const int32_t* senders, const T* vectors, int n_threads, double* energies, T* vector_gradients);

} // namespace hipnn_ts
