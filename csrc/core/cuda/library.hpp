// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <string>
#include <vector>

namespace hipnn_ts {
namespace cuda {

/// A library opened at run time, so that nothing of CUDA is needed to build or to import.
class Library {
public:
  /// The first of these names or paths that opens. Throws std::runtime_error, `missing` its
  /// sentence, where none does.
  Library(const std::vector<std::string>& names, const std::string& missing);

  /// A function by its name and type. Throws std::runtime_error where there is none.
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
