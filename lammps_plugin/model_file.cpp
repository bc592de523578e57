// SPDX-License-Identifier: GPL-2.0-or-later
#include "model_file.h"

#include "json.h"

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
  bool torchscript = false;
  try {
    caffe2::serialize::PyTorchStreamReader reader(&stream);
    torchscript = reader.hasRecord("constants.pkl");
    const std::string name = "extra/hipnn_ts.json";
    if (reader.hasRecord(name)) {
      const auto [data, size] = reader.getRecord(name);
      document.assign(static_cast<const char*>(data.get()), size);
    }
  } catch (const std::exception&) {
    torchscript = false;
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
    std::istringstream stream(bytes);
    model.module = torch::jit::load(stream, at::kCPU);
    model.module.eval();
    for (const auto& symbol : model.module.attr("elements").toListRef()) {
      model.elements.push_back(symbol.toStringRef());
    }
    model.cutoff = model.module.attr("cutoff").toDouble();
    model.portable = model.module.attr("portable").toBool();
    const auto& network = content.at("network");
    model.block_inputs = {static_cast<int64_t>(model.elements.size())};
    for (const auto& width : network.at("n_features")) {
      model.block_inputs.push_back(width.get<int64_t>());
    }
    model.block_inputs.pop_back();
    model.double_precision = content.at("dtype") == "float64";
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
