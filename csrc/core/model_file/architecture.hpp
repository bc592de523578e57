// SPDX-License-Identifier: BSD-3-Clause
//
// What a network consists of, as its file says: everything that names and shapes of tensors, and
// the kernels, depend on beside the weights.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/visibility.hpp"

namespace hipnn_ts {

struct HIPNN_TS_API Architecture {
  bool double_precision = false;
  int n_members = 1;                 // networks of a committee, which share all of this
  bool uncertain = false;            // has what tells the uncertainty of its forces
  std::vector<std::string> elements; // symbols, in species order
  std::string invariants = "norms";
  int n_max = 0;           // most factors of a polynomial; 0 with norms
  bool normalised = false; // polynomials, over the features of an atom
  double normalisation_epsilon = 1e-5;
  int l_max = 0, n_sensitivities = 0, n_atom_layers = 0;
  std::vector<int> n_features, n_middle_features; // of each block
  bool residual = true;
  double cutoff = 0.0;              // Å
  double cusp_regularisation = 0.0; // under the roots of the norms
  std::vector<double> zbl;          // inner and outer radius of the repulsion, Å; empty without

  int n_species() const { return static_cast<int>(elements.size()); }
  int n_blocks() const { return static_cast<int>(n_features.size()); }
  /// Features that leave all blocks together.
  int n_all_features() const;
  /// Width of the features that enter a block.
  int n_in(int block) const { return block == 0 ? n_species() : n_features[block - 1]; }
};

constexpr int most_members = 64;

/// Of the chemical symbol, from 1; 0 where it is none.
int atomic_number(const std::string& symbol);
/// Of the atomic number, from 1 to n_elements.
const char* chemical_symbol(int atomic_number);
constexpr int n_elements = 118;

} // namespace hipnn_ts
