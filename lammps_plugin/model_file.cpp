// SPDX-License-Identifier: GPL-2.0-or-later
#include "model_file.h"

#include "torch/archive.hpp"
#include "torch/loaded_model.hpp"

#include <sstream>
#include <torch/csrc/jit/serialization/import.h>

namespace hipnn_ts_lammps {

namespace {

/// The metadata against what the file holds: buffers are sized by the former.
void check_contents(const torch::jit::Module& module, const hipnn_ts::ModelFile& file) {
  const auto same = [](bool fits, const char* what) {
    TORCH_CHECK(fits, "metadata: expected ", what, " as in the network, found another");
  };
  const hipnn_ts::Architecture& network = file.architecture();
  same(module.attr("portable").toBool() == file.portable(), "the flavour");
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

/// The packed weights that files of format 1 hold as a list of tensors.
hipnn_ts::Model
from_format_1(const torch::jit::Module& module, const hipnn_ts::Architecture& network) {
  const auto document = hipnn_ts::document_of_format_1(
      module.attr("weights").toTensorVector(), module.attr("sizes").toIntVector(),
      module.attr("scalars").toDoubleVector(), module.attr("self_energies").toTensor(),
      network.elements);
  hipnn_ts::Model model(
      {static_cast<const char*>(document.const_data_ptr()),
       static_cast<size_t>(document.nbytes())});
  TORCH_CHECK(
      hipnn_ts::described(model.architecture()) == hipnn_ts::described(network),
      "expected the network that the metadata describe, found another");
  return model;
}

/// What only torch can read: portable files and those of format 1. Portable ones keep their module.
void load_with_torch(const std::string& bytes, const hipnn_ts::ModelFile& file, Model& model) {
  hipnn_ts::check_archive(bytes);
  std::istringstream stream(bytes);
  auto module = torch::jit::load(stream, at::kCPU);
  module.eval();
  check_contents(module, file);
  if (!file.portable()) {
    model.fused =
        std::make_shared<const hipnn_ts::Model>(from_format_1(module, file.architecture()));
    return;
  }
  const auto values = module.attr("self_energies").toTensor();
  const auto* first = values.const_data_ptr<double>();
  model.self_energies.assign(first, first + values.numel());
  model.module = module; // torch checks shapes as it goes
}

} // namespace

std::vector<int64_t> Model::block_inputs() const {
  std::vector<int64_t> out;
  for (int k = 0; k < network.n_blocks(); ++k) {
    out.push_back(network.n_in(k));
  }
  return out;
}

Model load_model(const std::string& path, const std::string& bytes) {
  try {
    const hipnn_ts::ModelFile file(path, bytes);
    Model model;
    model.network = file.architecture();
    model.closest = file.closest_approach();
    if (file.has_document()) {
      model.fused = std::make_shared<const hipnn_ts::Model>(file.model());
    } else {
      try {
        load_with_torch(bytes, file, model);
      } catch (const std::exception& error) {
        throw InputError(path + ": the exported potential cannot be loaded: " + reason(error));
      }
    }
    if (model.fused) {
      const double* first = model.fused->self_energies();
      model.self_energies.assign(first, first + model.network.n_species());
    }
    return model;
  } catch (const hipnn_ts::FileError& error) {
    throw InputError(error.what());
  }
}

std::string reason(const std::exception& error) {
  const auto* from_torch = dynamic_cast<const c10::Error*>(&error);
  std::string text = from_torch ? from_torch->what_without_backtrace() : error.what();
  text = text.substr(0, text.find("\nException raised from"));
  // TorchScript puts its traceback first and what went wrong last.
  const auto last = text.rfind("RuntimeError: ");
  if (last != std::string::npos) {
    text = text.substr(last);
  }
  return text.substr(0, text.find('\n'));
}

} // namespace hipnn_ts_lammps
