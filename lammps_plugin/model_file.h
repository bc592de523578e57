// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "input_error.h"
#include "portable_model.h"

#include "core/closest_approach.hpp"
#include "core/model_file/model.hpp"

namespace hipnn_ts_lammps {

/// An exported potential. Its description is in `network`; exactly one of `fused` and `portable`
/// has the weights.
struct Model {
  hipnn_ts::Architecture network;
  hipnn_ts::ClosestApproach closest;            ///< in the training data
  std::shared_ptr<const hipnn_ts::Model> fused; ///< for this package's kernels
  std::shared_ptr<const PortableModel> portable;
  std::vector<double> self_energies; ///< of the species, eV, member after member
};

/// The model from the bytes of an exported file; path is only its name. Throws InputError.
Model load_model(const std::string& path, const std::string& bytes);

} // namespace hipnn_ts_lammps
