// SPDX-License-Identifier: BSD-3-Clause
//
// An exported file, read without torch: nothing of it is unpickled, compiled or run.
#pragma once

#include <string>
#include <string_view>

#include "core/closest_approach.hpp"
#include "core/model_file/model.hpp"
#include "core/model_file/zip_archive.hpp"

namespace hipnn_ts {

/// The newest readable format; hipnn_ts.export.metadata has the same numbers. Only committees have
/// format 3 and only networks with force uncertainty format 4, so that earlier readers say that
/// they are too old.
constexpr int committee_format = 3, uncertainty_format = 4, format_version = 4;

class HIPNN_TS_API ModelFile {
public:
  /// Reads the metadata of a file from its `content`, which must outlive this object. Throws
  /// FileError, in a sentence that begins with `path`, if the file is not an exported potential,
  /// has a newer format, or is damaged.
  ModelFile(std::string path, std::string_view content);

  int format() const { return format_; }
  bool portable() const { return portable_; }
  /// The network according to the metadata.
  const Architecture& architecture() const { return architecture_; }
  const ClosestApproach& closest_approach() const { return closest_; }

  /// The networks of a fused file, after a check of every record; torch must load those of a
  /// portable file. Throws FileError.
  Model model() const;

private:
  void read_metadata();
  Model checked_model() const;

  std::string path_;
  ZipArchive archive_;
  int format_ = 0;
  bool portable_ = false;
  Architecture architecture_;
  ClosestApproach closest_;
};

/// Whether exported files have a record of that name, without the archive's folder.
HIPNN_TS_API bool is_known_record(const std::string& name);

} // namespace hipnn_ts
