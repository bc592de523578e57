// SPDX-License-Identifier: GPL-2.0-or-later
#include "model_file.h"

#include "core/model_file/model_file.hpp"

namespace hipnn_ts_lammps {

Model load_model(const std::string& path, const std::string& bytes) {
  try {
    const hipnn_ts::ModelFile file(path, bytes);
    Model model;
    model.network = file.architecture();
    model.closest = file.closest_approach();
    if (file.portable()) {
      try {
        model.portable = load_portable_model(bytes, model.network);
      } catch (const InputError& error) {
        throw InputError(path + ": " + error.what());
      }
      model.self_energies = model.portable->self_energies();
    } else {
      model.fused = std::make_shared<const hipnn_ts::Model>(file.model());
      for (int member = 0; member < model.network.n_members; ++member) {
        const double* first = model.fused->self_energies(member);
        model.self_energies.insert(
            model.self_energies.end(), first, first + model.network.n_species());
      }
    }
    return model;
  } catch (const hipnn_ts::FileError& error) {
    throw InputError(error.what());
  }
}

} // namespace hipnn_ts_lammps
