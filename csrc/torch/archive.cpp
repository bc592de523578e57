// SPDX-License-Identifier: BSD-3-Clause
#include "torch/archive.hpp"

#include <ATen/ATen.h>
#include <caffe2/serialize/inline_container.h>

#include <sstream>

#include "core/model_file/checksum.hpp"
#include "core/model_file/model_file.hpp"
#include "core/model_file/pickle.hpp"
#include "torch/file_checked.hpp"

namespace hipnn_ts {
namespace {

bool ends_with(const std::string& text, std::string_view end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

} // namespace

void check_archive(const std::string& bytes) {
  const auto records = file_checked([&] { return ZipArchive(bytes).records(); });
  std::istringstream stream(bytes);
  caffe2::serialize::PyTorchStreamReader reader(&stream);
  const auto names = reader.getAllRecords();
  TORCH_CHECK(names.size() == records.size(), "damaged: its directory is read in two ways");
  for (const std::string& name : names) {
    // Code compresses well, but not a thousandfold.
    TORCH_CHECK(
        reader.getRecordSize(name) / 1000 <= bytes.size(), "damaged: '", name,
        "' claims to be larger than can be");
    const auto [data, size] = reader.getRecord(name);
    const std::string_view text(static_cast<const char*>(data.get()), size);
    const auto found = records.find(name);
    TORCH_CHECK(
        found != records.end() && checksum(text) == found->second.checksum, "damaged: '", name,
        "' does not have the checksum it was written with");
    TORCH_CHECK(
        is_known_record(name), "found the record '", name, "', which no exported potential has");
    if (ends_with(name, ".py")) {
      check_code(name, text);
    } else if (ends_with(name, "pkl")) {
      const std::string folder = name.substr(0, name.rfind('.')) + "/";
      file_checked([&] {
        return read_pickle(name, text, [&](const std::string& key) {
          const std::string record = folder + key;
          return records.count(record) ? static_cast<int64_t>(reader.getRecordSize(record)) : -1;
        });
      });
    }
  }
}

} // namespace hipnn_ts
