// SPDX-License-Identifier: BSD-3-Clause
//
// The directory of a zip archive written by torch (zip's appnote 4.3, zip64 included). Nothing is
// decompressed, because all records that this package reads are stored.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "core/visibility.hpp"

namespace hipnn_ts {

struct ZipRecord {
  uint32_t checksum;
  bool stored;                  // neither compressed nor encrypted
  uint64_t stored_size;         // bytes in the archive
  uint64_t size;                // bytes of the content
  uint64_t local_header;        // where it begins
  std::string_view folder_name; // the whole name, with the archive's own folder
};

class HIPNN_TS_API ZipArchive {
public:
  /// `content`, the whole file, must outlive the archive. Throws FileError unless every record has
  /// a unique name in the archive's folder.
  explicit ZipArchive(std::string_view content);

  /// By name, without the archive's folder.
  const std::map<std::string, ZipRecord>& records() const { return records_; }
  bool has(const std::string& name) const { return records_.count(name) > 0; }

  /// Content of a stored record, a part of the file's content. Throws FileError if there is no
  /// record of that name, or if it is compressed, leaves the file, or has a wrong checksum.
  std::string_view read(const std::string& name) const;

private:
  std::string_view content_;
  std::map<std::string, ZipRecord> records_;
};

} // namespace hipnn_ts
