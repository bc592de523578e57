// SPDX-License-Identifier: BSD-3-Clause
#include "core/model_file/model_file.hpp"

#include <algorithm>

#include "core/model_file/architecture_json.hpp"
#include "core/model_file/format_1.hpp"

namespace hipnn_ts {
namespace {

constexpr const char* metadata_record = "extra/hipnn_ts.json";
constexpr const char* document_record = "data/0";
constexpr const char* format_name = "hipnn-ts potential";
constexpr const char* checkpoint_name = "hipnn-ts checkpoint";
constexpr const char* only_in_torchscript = "constants.pkl";
constexpr double longest = 1000.0; // Å

bool begins_with(std::string_view text, std::string_view start) {
  return text.substr(0, start.size()) == start;
}

bool ends_with(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

/// Calls `read`; an exception then names the file.
template <class Read> auto naming(const std::string& path, const Read& read) {
  try {
    return read();
  } catch (const FileError& error) {
    throw FileError(path + ": " + error.what());
  }
}

[[noreturn]] void not_exported(const std::string& path, const std::string& found) {
  throw FileError(path + ": expected an exported hipnn-ts potential, found " + found);
}

ZipArchive opened(const std::string& path, std::string_view content) {
  try {
    return ZipArchive(content);
  } catch (const FileError&) {
    not_exported(path, "a file that torch cannot load (damaged, or not TorchScript)");
  }
}

bool is_checkpoint(const ZipArchive& archive) {
  try {
    return archive.read("data.pkl").find(checkpoint_name) != std::string_view::npos;
  } catch (const FileError&) {
    return false;
  }
}

std::string read_text(const ZipArchive& archive, const std::string& name) {
  return archive.has(name) ? std::string(archive.read(name)) : std::string();
}

/// Limits of each two elements from entries such as {"H-O": 0.87} in Å. Elements that never met in
/// the training data are not listed: any distance within the cutoff is too close for them.
ClosestApproach closest_approach_of(const Json& content, const Architecture& network) {
  const auto found = content.find("closest_approach");
  if (found == content.end() || found->is_null()) {
    return {};
  }
  std::vector<double> limits;
  for (const std::string& a : network.elements) {
    for (const std::string& b : network.elements) {
      const std::string key = pair_name(a, b);
      const auto limit = found->find(key);
      if (limit == found->end()) {
        limits.push_back(network.cutoff);
        continue;
      }
      const double value = limit->is_number() ? limit->get<double>() : 0.0;
      if (!(value > 0.0 && value <= longest)) {
        throw FileError(
            "metadata: closest_approach." + key + ": expected a distance in Å, found " +
            shown(*limit));
      }
      limits.push_back(value);
    }
  }
  return {network.n_species(), limits};
}

} // namespace

ModelFile::ModelFile(std::string path, std::string_view content)
    : path_(std::move(path)), archive_(opened(path_, content)) {
  if (!archive_.has(only_in_torchscript)) {
    if (is_checkpoint(archive_)) {
      not_exported(
          path_, "a checkpoint of training; export it: hipnn-ts export " + path_ + " -o model.pt");
    }
    not_exported(path_, "a file that torch cannot load (damaged, or not TorchScript)");
  }
  naming(path_, [&] { read_metadata(); });
}

void ModelFile::read_metadata() {
  const std::string text = read_text(archive_, metadata_record);
  Json content;
  std::string mistake;
  try {
    content = parse_json(text, metadata_record);
  } catch (const FileError& error) {
    mistake = error.what();
  }
  if (text.empty() || (content.is_object() && content.value("format", Json()) != format_name)) {
    throw FileError("expected an exported hipnn-ts potential, found another TorchScript file");
  }
  if (!mistake.empty()) {
    throw FileError(mistake);
  }
  const Json version = content.value("format_version", Json());
  const int64_t number = version.is_number_integer() ? version.get<int64_t>() : 0;
  if (number < 1 || number > format_version) {
    throw FileError(
        "exported in format " + shown(version) + ", but this hipnn-ts reads formats 1 to " +
        std::to_string(format_version) + "; install a hipnn-ts as new as the one that exported it");
  }
  format_ = static_cast<int>(number);
  const auto flavour = text_of(value_of(content, "flavour", "metadata"), "metadata: flavour");
  const auto dtype = text_of(value_of(content, "dtype", "metadata"), "metadata: dtype");
  if ((flavour != "fused" && flavour != "portable") || (dtype != "float32" && dtype != "float64")) {
    throw FileError(
        "metadata: expected the flavour 'fused' or 'portable' and the dtype 'float32' or "
        "'float64', found " +
        shown(flavour) + " and " + shown(dtype));
  }
  portable_ = flavour == "portable";
  architecture_ = read_architecture(value_of(content, "network", "metadata"), "metadata: network");
  architecture_.double_precision = dtype == "float64";
  architecture_.n_members = read_members(content, "metadata");
  const bool committee = architecture_.n_members > 1;
  if (committee != (format_ == committee_format) || (committee && portable_)) {
    throw FileError(
        "metadata: expected several members in fused files of format 3 and nowhere else, found " +
        shown(content.value(members_key, Json(1))) + " in a " + flavour + " one of format " +
        shown(version));
  }
  architecture_.uncertain = read_uncertain(content, "metadata");
  if (architecture_.uncertain != (format_ == uncertainty_format) ||
      (architecture_.uncertain && portable_)) {
    throw FileError(
        std::string(
            "metadata: expected force uncertainty in fused files of format 4 and nowhere "
            "else, found ") +
        (architecture_.uncertain ? "it" : "none") + " in a " + flavour + " one of format " +
        shown(version));
  }
  closest_ = closest_approach_of(content, architecture_);
}

Model ModelFile::model() const {
  return naming(path_, [&] { return checked_model(); });
}

Model ModelFile::checked_model() const {
  if (portable_) {
    throw FileError(
        "expected a fused potential, found a portable one, which only torch can run; export it "
        "again with 'hipnn-ts export' and without --portable");
  }
  for (const auto& [name, record] : archive_.records()) {
    const bool second = format_ >= 2 && begins_with(name, "data/") && name != document_record;
    if (!is_known_record(name) || second) {
      throw FileError("found the record '" + name + "', which no exported potential has");
    }
    // Code may be compressed; it is not read here.
    if (record.stored) {
      archive_.read(name);
    }
  }
  const std::string name = format_ == 1 ? "weights" : document_record;
  const std::string of_format_1 = format_ == 1 ? document_of_format_1(archive_) : "";
  const std::string_view document = format_ == 1 ? of_format_1 : archive_.read(document_record);
  Model out = [&] {
    try {
      return Model(document);
    } catch (const FileError& error) {
      throw FileError("'" + name + "': " + error.what());
    }
  }();
  if (described(out.architecture()) != described(architecture_)) {
    throw FileError(
        "'" + name + "': expected the network that the metadata describe, found another");
  }
  return out;
}

bool is_known_record(const std::string& name) {
  const bool code =
      begins_with(name, "code/") && (ends_with(name, ".py") || ends_with(name, "_pkl"));
  return code || begins_with(name, "data/") || begins_with(name, "constants/") ||
         name == "data.pkl" || name == only_in_torchscript || name == metadata_record ||
         name == "version" || name == "byteorder" || name == ".data/serialization_id";
}

} // namespace hipnn_ts
