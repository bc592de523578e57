// SPDX-License-Identifier: BSD-3-Clause
//
// The first block's weights as dense layers from radial moments to moments, only for the species
// that are present: a potential may know many, and each costs time.
//
// Neighbouring sensitivities overlap, so their weights may be large and cancel. The table (V, a) of
// a species is therefore factorised as L Q, with orthonormal rows in Q and lower triangular L (V,
// V). L is applied to the radial moments while they are in double precision, and no cancellation
// follows.
#pragma once

#include <vector>

#include "core/buffer.hpp"
#include "core/kernels.hpp"

namespace hipnn_ts {

/// Makes the rows of `q` (n, width), the table, orthonormal or zero, and `l` (n, n) lower
/// triangular, such that l q is the table.
void orthogonalise(int n, int width, double* q, double* l);

template <class T> class SpeciesTable {
public:
  /// Takes the species (n,) of all atoms, and packs weights if the species differ from those
  /// before. The block is the same in every call. Throws std::invalid_argument if a species is out
  /// of range.
  void take(const BlockWeights<T>& first_block, const int64_t* species, int64_t n);

  /// Q of the species that are present, one after the other: (number of them) V -> n_middle.
  Linear<T> table() const { return {n_in_, n_out_, forward_.data(), backward_.data(), nullptr}; }
  /// L of each of them (.., V, V).
  const double* mixing() const { return mixing_.data(); }
  /// (n,), index of an atom's species among these.
  const int32_t* places() const { return places_.data(); }
  int64_t bytes() const;

private:
  void pack(const BlockWeights<T>& first_block);

  int n_in_ = 0, n_out_ = 0;
  std::vector<double> mixing_;
  std::vector<char> present_, found_; // for each species: in the table, among these atoms
  std::vector<int32_t> place_of_species_, places_;
  Buffer<T> forward_, backward_; // panels as in Linear
};

} // namespace hipnn_ts
