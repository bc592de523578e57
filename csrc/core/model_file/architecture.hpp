// SPDX-License-Identifier: BSD-3-Clause
//
// The architecture of a network according to its file: everything besides the weights on which
// names and shapes of tensors, and the kernels, depend.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/model_file/elements.hpp"
#include "core/repulsion_radii.hpp"
#include "core/visibility.hpp"

namespace hipnn_ts {

struct HIPNN_TS_API Architecture {
  bool double_precision = false;
  int n_members = 1;                 // networks of a committee, which share all of this
  bool uncertain = false;            // whether it has force uncertainty
  std::vector<std::string> elements; // symbols, in species order
  std::string invariants = "norms";
  int n_max = 0;           // largest number of factors of a polynomial; 0 with norms
  bool normalised = false; // of polynomials, over the features of an atom
  double normalisation_epsilon = 1e-5;
  int l_max = 0, n_sensitivities = 0, n_atom_layers = 0;
  std::vector<int> n_features, n_middle_features; // of each block
  bool residual = true;
  double cutoff = 0.0;              // Å
  double cusp_regularisation = 0.0; // under the roots of the norms
  std::vector<RepulsionRadii> zbl;  // of each two species, row by row; empty without a repulsion

  int n_species() const { return static_cast<int>(elements.size()); }
  int n_blocks() const { return static_cast<int>(n_features.size()); }
  /// Total number of features that leave all blocks.
  int n_all_features() const;
  /// Width of a block's input features.
  int n_in(int block) const { return block == 0 ? n_species() : n_features[block - 1]; }
};

constexpr int most_members = 64;

} // namespace hipnn_ts
