// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "core/closest_approach.hpp"

#include <stdexcept>
#include <string>
#include <torch/csrc/jit/api/module.h>
#include <vector>

namespace hipnn_ts_lammps {

/// A user's mistake, in one sentence.
struct InputError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// An exported potential and what it says about itself.
struct Model {
  torch::jit::Module module;
  std::vector<std::string> elements;
  double cutoff;                     ///< Å
  std::vector<double> zbl;           ///< radii of the repulsion, Å; empty without
  std::vector<int64_t> block_inputs; ///< width of the features that enter each block
  int64_t last_width;                ///< of those that leave the last one
  bool double_precision;
  bool portable;
  hipnn_ts::ClosestApproach closest; ///< in the training data
};

/// Model in the bytes of an exported file; path only names it. Throws InputError.
Model load_model(const std::string& path, const std::string& bytes);

/// What an exception says, without the C++ and TorchScript backtraces that torch adds.
std::string reason(const std::exception& error);

} // namespace hipnn_ts_lammps
