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

/// The newest format that is read; hipnn_ts.export.metadata has the same numbers. Format 3 is that
/// of committees, 4 that of networks with force uncertainty, and of nothing else: readers of before
/// say that they are too old.
constexpr int committee_format = 3, uncertainty_format = 4, format_version = 4;

class HIPNN_TS_API ModelFile {
public:
  /// Reads the metadata of the file whose `content` this is; the content must outlive it. Throws
  /// FileError, in a sentence that begins with `path`, where that is no exported potential, or one
  /// of a newer format, or it is damaged.
  ModelFile(std::string path, std::string_view content);

  int format() const { return format_; }
  bool portable() const { return portable_; }
  /// What the metadata say of the network.
  const Architecture& architecture() const { return architecture_; }
  const ClosestApproach& closest_approach() const { return closest_; }

  /// The networks of a fused file, after a look at every record; of a portable one torch has to
  /// make it. Throws FileError.
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
