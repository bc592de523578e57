// SPDX-License-Identifier: BSD-3-Clause
#include "core/model_file/zip_archive.hpp"

#include "core/model_file/bytes.hpp"
#include "core/model_file/checksum.hpp"

namespace hipnn_ts {
namespace {

constexpr uint64_t in_zip64 = 0xFFFFFFFFU; // a 32-bit number whose value is stored elsewhere

/// The sizes and the position of the record whose entry begins at `entry`.
void take_places(const Bytes& bytes, uint64_t entry, uint64_t n_name, ZipRecord& record) {
  record.stored_size = bytes.at<uint32_t>(entry + 20);
  record.size = bytes.at<uint32_t>(entry + 24);
  record.local_header = bytes.at<uint32_t>(entry + 42);
  uint64_t field = entry + 46 + n_name;
  const uint64_t end = field + bytes.at<uint16_t>(entry + 30);
  while (field + 4 <= end) {
    const auto kind = bytes.at<uint16_t>(field);
    const auto size = bytes.at<uint16_t>(field + 2);
    uint64_t place = field + 4;
    field = place + size;
    if (kind != 1) {
      continue;
    }
    for (uint64_t* value : {&record.size, &record.stored_size, &record.local_header}) {
      if (*value == in_zip64 && place + 8 <= field) {
        *value = bytes.at<uint64_t>(place);
        place += 8;
      }
    }
  }
}

} // namespace

ZipArchive::ZipArchive(std::string_view content) : content_(content) {
  const Bytes bytes(content);
  const size_t end = content.rfind("PK\5\6");
  if (end == std::string_view::npos) {
    throw FileError("damaged: it has no directory");
  }
  uint64_t n_records = bytes.at<uint16_t>(end + 10);
  uint64_t place = bytes.at<uint32_t>(end + 16);
  if (end >= 20 && content.substr(end - 20, 4) == "PK\6\7") {
    const auto large = bytes.at<uint64_t>(end - 20 + 8);
    bytes.text(large, 56);
    n_records = bytes.at<uint64_t>(large + 32);
    place = bytes.at<uint64_t>(large + 48);
  }
  for (uint64_t k = 0; k < n_records; ++k) {
    if (bytes.text(place, 46).substr(0, 4) != "PK\1\2") {
      throw FileError("damaged: its directory is no directory");
    }
    ZipRecord record{};
    const auto flags = bytes.at<uint16_t>(place + 8), method = bytes.at<uint16_t>(place + 10);
    record.stored = method == 0 && (flags & 1) == 0;
    record.checksum = bytes.at<uint32_t>(place + 16);
    const auto n_name = bytes.at<uint16_t>(place + 28);
    record.folder_name = bytes.text(place + 46, n_name);
    take_places(bytes, place, n_name, record);
    const std::string name(record.folder_name);
    const size_t slash = name.find('/');
    if (slash == std::string::npos || !records_.emplace(name.substr(slash + 1), record).second) {
      throw FileError("damaged: found the record '" + name + "' in a wrong place or twice");
    }
    place += 46 + n_name + bytes.at<uint16_t>(place + 30) + bytes.at<uint16_t>(place + 32);
  }
}

std::string_view ZipArchive::read(const std::string& name) const {
  const auto found = records_.find(name);
  if (found == records_.end()) {
    throw FileError("damaged: expected a record '" + name + "', found none");
  }
  const ZipRecord& record = found->second;
  if (!record.stored || record.stored_size != record.size) {
    throw FileError("'" + name + "': expected a record that is not compressed, found one that is");
  }
  const Bytes bytes(content_);
  const uint64_t header = record.local_header;
  if (bytes.text(header, 30).substr(0, 4) != "PK\3\4" ||
      bytes.text(header + 30, bytes.at<uint16_t>(header + 26)) != record.folder_name) {
    throw FileError("damaged: '" + name + "' is not where the directory says");
  }
  const uint64_t begin =
      header + 30 + bytes.at<uint16_t>(header + 26) + bytes.at<uint16_t>(header + 28);
  const std::string_view out = bytes.text(begin, record.size);
  if (checksum(out) != record.checksum) {
    throw FileError("damaged: '" + name + "' does not have the checksum it was written with");
  }
  return out;
}

} // namespace hipnn_ts
