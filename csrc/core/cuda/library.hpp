// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <string>
#include <vector>

namespace hipnn_ts {
namespace cuda {

/// The newest CUDA whose libraries are known by name.
constexpr int newest_cuda = 13;

/// Where a library that NVIDIA names `name`.so.13 (CUDA 13) and .12 may be: in the folders that
/// HIPNN_TS_CUDA_LIBRARIES lists, where the system looks (a toolkit on the library path), and in
/// `folders`. Those of a newer CUDA than `newest` are left out.
std::vector<std::string> library_names(
    const std::string& name, const std::vector<std::string>& folders, int newest = newest_cuda);

/// The message if there is none: pip installs it as `package`, with -cu12 appended for CUDA 12.
std::string
missing_library(const std::string& name, const std::string& package, int newest = newest_cuda);

/// Folders of NVIDIA's packages in a folder of Python packages (site-packages).
std::vector<std::string> package_folders(const std::string& packages);
/// Folders of those beside this package, and of a toolkit in its usual place.
std::vector<std::string> own_folders();

/// A library opened at run time, so that building and importing need no part of CUDA.
class Library {
public:
  /// The first of these names or paths that opens. Throws std::runtime_error, with the sentence
  /// `missing`, if none does.
  Library(const std::vector<std::string>& names, const std::string& missing);

  /// A function by its name and type. Throws std::runtime_error if there is none.
  template <class Function> Function* find(const char* name) const {
    return reinterpret_cast<Function*>(symbol(name));
  }

private:
  void* symbol(const char* name) const;

  void* handle_ = nullptr; // open until the process ends
  std::string name_;
};

} // namespace cuda
} // namespace hipnn_ts
