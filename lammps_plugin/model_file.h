// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "core/model_file/model_file.hpp"

#include <memory>
#include <stdexcept>
#include <string>
#include <torch/csrc/jit/api/module.h>
#include <vector>

namespace hipnn_ts_lammps {

/// A user's mistake, in one sentence.
struct InputError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// An exported potential. What the file says of itself is in `network`; exactly one of `fused` and
/// `module` has the weights.
struct Model {
  hipnn_ts::Architecture network;
  hipnn_ts::ClosestApproach closest;            ///< in the training data
  std::shared_ptr<const hipnn_ts::Model> fused; ///< for this package's kernels
  torch::jit::Module module;                    ///< portable TorchScript
  std::vector<double> self_energies;            ///< of the species, eV

  bool portable() const { return !fused; }
  /// Width of the features that enter each block.
  std::vector<int64_t> block_inputs() const;
};

/// Model in the bytes of an exported file; path only names it. Throws InputError.
Model load_model(const std::string& path, const std::string& bytes);

/// What an exception says, without the C++ and TorchScript backtraces that torch adds.
std::string reason(const std::exception& error);

} // namespace hipnn_ts_lammps
