// SPDX-License-Identifier: GPL-2.0-or-later
#include "model_file.h"

#include "json.h"

#include "torch/archive.hpp"

#include <algorithm>
#include <caffe2/serialize/inline_container.h>
#include <sstream>
#include <torch/csrc/jit/serialization/import.h>

namespace hipnn_ts_lammps {

namespace {

constexpr int format_version = 1;

/// The file's JSON document, read before its code: a newer file may hold code that cannot load.
LAMMPS_NS::json metadata(const std::string& path, const std::string& bytes) {
  std::istringstream stream(bytes);
  std::string document;
  bool torchscript = false, checkpoint = false;
  try {
    caffe2::serialize::PyTorchStreamReader reader(&stream);
    torchscript = reader.hasRecord("constants.pkl");
    if (!torchscript && reader.hasRecord("data.pkl")) {
      const auto [data, size] = reader.getRecord("data.pkl");
      const std::string pickle(static_cast<const char*>(data.get()), size);
      checkpoint = pickle.find("hipnn-ts checkpoint") != std::string::npos;
    }
    const std::string name = "extra/hipnn_ts.json";
    if (reader.hasRecord(name)) {
      const auto [data, size] = reader.getRecord(name);
      document.assign(static_cast<const char*>(data.get()), size);
    }
  } catch (const std::exception&) {
    torchscript = false;
  }
  if (checkpoint) {
    throw InputError(
        path +
        ": expected an exported hipnn-ts potential, found a checkpoint of training; export "
        "it: hipnn-ts export " +
        path + " -o model.pt");
  }
  if (!torchscript) {
    throw InputError(
        path + ": expected an exported hipnn-ts potential, found a file that torch cannot load "
               "(damaged, or not TorchScript)");
  }
  const auto content = LAMMPS_NS::json::parse(document, nullptr, false);
  if (!content.is_object() || content.value("format", "") != "hipnn-ts potential") {
    throw InputError(
        path + ": expected an exported hipnn-ts potential, found another TorchScript file");
  }
  return content;
}

/// Of each two elements, written "H-O": {"H-O": 0.87} in Å. Two that never met in the training data
/// are not named: any distance at which they see each other is too close.
hipnn_ts::ClosestApproach closest_approach(const LAMMPS_NS::json& content, const Model& model) {
  const auto found = content.find("closest_approach");
  if (found == content.end() || found->is_null()) {
    return {};
  }
  std::vector<double> limits;
  for (const std::string& a : model.elements) {
    for (const std::string& b : model.elements) {
      const auto limit = found->find(std::min(a, b) + "-" + std::max(a, b));
      limits.push_back(limit == found->end() ? model.cutoff : limit->get<double>());
    }
  }
  return {static_cast<int64_t>(model.elements.size()), limits};
}

/// The metadata against what the file holds: buffers are sized by the former. Weights are checked
/// where they are unpacked.
void check_contents(const Model& model) {
  const auto same = [](bool fits, const char* what) {
    TORCH_CHECK(fits, "metadata: expected ", what, " as in the network, found another");
  };
  same(!model.elements.empty() && model.elements.size() < 200, "elements");
  same(model.cutoff > 0 && model.cutoff < 1000, "a cutoff");
  same(model.module.attr("portable").toBool() == model.portable, "the flavour");
  same(model.module.attr("cutoff").toDouble() == model.cutoff, "the cutoff");
  std::vector<std::string> elements;
  for (const auto& symbol : model.module.attr("elements").toListRef()) {
    elements.push_back(symbol.toStringRef());
  }
  same(elements == model.elements, "the elements");
  const auto self_energies = model.module.attr("self_energies").toTensor();
  const auto n = static_cast<int64_t>(elements.size());
  same(
      self_energies.scalar_type() == at::kDouble && self_energies.is_contiguous() &&
          self_energies.sizes() == at::IntArrayRef({n}),
      "one self energy an element");
  if (model.portable) {
    return; // torch checks shapes as it goes
  }
  const auto sizes = model.module.attr("sizes").toIntVector();
  const auto scalars = model.module.attr("scalars").toDoubleVector();
  same(sizes.size() == 4 + 3 * model.block_inputs.size(), "the number of blocks");
  for (size_t k = 0; k < model.block_inputs.size(); ++k) {
    same(sizes[4 + 3 * k] == model.block_inputs[k], "the widths");
  }
  same(!scalars.empty() && scalars[0] == model.cutoff, "the cutoff");
  const auto scalar = [&](size_t k) { return scalars.begin() + std::min(k, scalars.size()); };
  same(std::vector<double>(scalar(2), scalar(4)) == model.zbl, "the repulsion");
}

} // namespace

Model load_model(const std::string& path, const std::string& bytes) {
  const auto content = metadata(path, bytes);
  const int version = content.value("format_version", 0);
  if (version != format_version) {
    throw InputError(
        path + ": exported in format " + std::to_string(version) +
        ", but this hipnn-ts reads format " + std::to_string(format_version) +
        "; install a hipnn-ts as new as the one that exported it");
  }
  Model model;
  try {
    hipnn_ts::check_archive(bytes);
    std::istringstream stream(bytes);
    model.module = torch::jit::load(stream, at::kCPU);
    model.module.eval();
    const auto& network = content.at("network");
    model.elements = network.at("elements").get<std::vector<std::string>>();
    model.cutoff = network.at("cutoff").get<double>();
    if (network.contains("zbl") && !network.at("zbl").is_null()) {
      model.zbl = {network.at("zbl").at(0).get<double>(), network.at("zbl").at(1).get<double>()};
    }
    model.portable = content.at("flavour") == "portable";
    model.block_inputs = {static_cast<int64_t>(model.elements.size())};
    for (const auto& width : network.at("n_features")) {
      model.block_inputs.push_back(width.get<int64_t>());
    }
    model.last_width = model.block_inputs.back();
    model.block_inputs.pop_back();
    model.double_precision = content.at("dtype") == "float64";
    check_contents(model);
    model.closest = closest_approach(content, model);
  } catch (const std::exception& error) {
    throw InputError(path + ": the exported potential cannot be loaded: " + reason(error));
  }
  return model;
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
