// SPDX-License-Identifier: GPL-2.0-or-later
//
// libhipnn_ts_lammps_torch.so: portable files, whose networks only torch can run.
#include "portable_model.h"

#include "input_error.h"
#include "scripted_potential.h"
#include "seeded_script.h"

#include "torch/archive.hpp"

#include <sstream>
#include <torch/csrc/jit/serialization/import.h>

namespace hipnn_ts_lammps {

namespace {

/// Compares the metadata with the content of the file, because the metadata determines buffer
/// sizes.
void check_contents(const torch::jit::Module& module, const hipnn_ts::Architecture& network) {
  const auto same = [](bool fits, const char* what) {
    TORCH_CHECK(fits, "metadata: expected ", what, " as in the network, found another");
  };
  same(module.attr("portable").toBool(), "the flavour");
  same(module.attr("cutoff").toDouble() == network.cutoff, "the cutoff");
  std::vector<std::string> elements;
  for (const auto& symbol : module.attr("elements").toListRef()) {
    elements.push_back(symbol.toStringRef());
  }
  same(elements == network.elements, "the elements");
  const auto self_energies = module.attr("self_energies").toTensor();
  same(
      self_energies.scalar_type() == at::kDouble && self_energies.is_contiguous() &&
          self_energies.sizes() == at::IntArrayRef({network.n_species()}),
      "one self energy an element");
}

class TorchModel final : public PortableModel {
public:
  /// torch checks shapes while it runs.
  TorchModel(const torch::jit::Module& module, const hipnn_ts::Architecture& network)
      : module_(module), network_(network) {}

  std::vector<double> self_energies() const override {
    const auto values = module_.attr("self_energies").toTensor();
    const auto* first = values.const_data_ptr<double>();
    return {first, first + values.numel()};
  }

  std::unique_ptr<LayeredPotential<float>>
  layered(float, const std::vector<double>& self_energies) const override {
    return std::make_unique<ScriptedPotential<float>>(module_, network_, self_energies);
  }
  std::unique_ptr<LayeredPotential<double>>
  layered(double, const std::vector<double>& self_energies) const override {
    return std::make_unique<ScriptedPotential<double>>(module_, network_, self_energies);
  }
  std::unique_ptr<SeededPotential<float>> seeded(float) const override {
    return std::make_unique<SeededScript<float>>(module_, network_);
  }
  std::unique_ptr<SeededPotential<double>> seeded(double) const override {
    return std::make_unique<SeededScript<double>>(module_, network_);
  }

private:
  torch::jit::Module module_;
  hipnn_ts::Architecture network_;
};

} // namespace

} // namespace hipnn_ts_lammps

extern "C" [[gnu::visibility("default")]] hipnn_ts_lammps::PortableModel*
hipnn_ts_open_portable_model_2(
    const std::string& bytes, const hipnn_ts::Architecture& network, std::string& mistake) {
  try {
    hipnn_ts::check_archive(bytes);
    std::istringstream stream(bytes);
    auto module = torch::jit::load(stream, at::kCPU);
    module.eval();
    hipnn_ts_lammps::check_contents(module, network);
    return new hipnn_ts_lammps::TorchModel(module, network);
  } catch (const std::exception& error) {
    mistake = "the exported potential cannot be loaded: " + hipnn_ts_lammps::reason(error);
    return nullptr;
  }
}
