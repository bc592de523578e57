// SPDX-License-Identifier: GPL-2.0-or-later
//
// The interface between the plugin, which contains no torch, and libhipnn_ts_lammps_torch.so, which
// the plugin opens for portable files.
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

  /// Self energies of the species, eV.
  virtual std::vector<double> self_energies() const = 0;
  /// A potential in the network's precision, which the first argument selects.
  virtual std::unique_ptr<LayeredPotential<float>>
  layered(float, const std::vector<double>& self_energies) const = 0;
  virtual std::unique_ptr<LayeredPotential<double>>
  layered(double, const std::vector<double>& self_energies) const = 0;
  virtual std::unique_ptr<SeededPotential<float>> seeded(float) const = 0;
  virtual std::unique_ptr<SeededPotential<double>> seeded(double) const = 0;
};

/// The library's function: returns the model in the bytes of a file with the metadata `network`, or
/// null, and then `mistake` is a sentence. Classes here and above are equal on both sides if the
/// number in the name is; every change of one of them must change it.
using OpenPortableModel = PortableModel*(
    const std::string& bytes, const hipnn_ts::Architecture& network, std::string& mistake);
constexpr const char* portable_library = "libhipnn_ts_lammps_torch.so";
constexpr const char* open_portable_model = "hipnn_ts_open_portable_model_2";

/// Opens the library and calls it. Throws InputError if it, or the torch that it was built against,
/// is missing, or if it refuses the file.
std::shared_ptr<const PortableModel>
load_portable_model(const std::string& bytes, const hipnn_ts::Architecture& network);

} // namespace hipnn_ts_lammps
