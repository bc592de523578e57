// SPDX-License-Identifier: GPL-2.0-or-later
//
// Between the plugin, which knows no torch, and libhipnn_ts_lammps_torch.so, which the plugin opens
// where a portable file is given.
#pragma once

#include "seeded_potential.h"

#include "core/model_file/architecture.hpp"

#include <memory>
#include <string>

namespace hipnn_ts_lammps {

/// The network of a portable file: its TorchScript code.
class PortableModel {
public:
  virtual ~PortableModel() = default;

  /// Of the species, eV.
  virtual std::vector<double> self_energies() const = 0;
  /// A potential in the network's precision, which the first argument says.
  virtual std::unique_ptr<LayeredPotential<float>>
  layered(float, const std::vector<double>& self_energies) const = 0;
  virtual std::unique_ptr<LayeredPotential<double>>
  layered(double, const std::vector<double>& self_energies) const = 0;
  virtual std::unique_ptr<SeededPotential<float>> seeded(float) const = 0;
  virtual std::unique_ptr<SeededPotential<double>> seeded(double) const = 0;
};

/// What the library is asked for: the model in the bytes of a file whose metadata say `network`, or
/// null, and then `mistake` is a sentence. Classes above and here are the same on both sides as
/// long as the number in the name is; a change of any of them changes it.
using OpenPortableModel = PortableModel*(
    const std::string& bytes, const hipnn_ts::Architecture& network, std::string& mistake);
constexpr const char* portable_library = "libhipnn_ts_lammps_torch.so";
constexpr const char* open_portable_model = "hipnn_ts_open_portable_model_2";

/// Opens the library and asks it. Throws InputError where it, or the torch that it was built
/// against, is not there, or it refuses the file.
std::shared_ptr<const PortableModel>
load_portable_model(const std::string& bytes, const hipnn_ts::Architecture& network);

} // namespace hipnn_ts_lammps
