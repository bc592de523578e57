// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <string>

namespace hipnn_ts {
namespace cuda {

/// One file of compiled kernels, named by everything they were made from. What goes wrong with it
/// costs a compilation and is no error.
class Cache {
public:
  /// No cache where `folder` is empty.
  Cache(const std::string& folder, const std::string& key);

  /// Empty where there is none, or not a whole one.
  std::string read() const;
  /// Whole or not at all, whatever other processes do.
  void write(const std::string& binary) const;

private:
  std::string folder_, path_;
};

} // namespace cuda
} // namespace hipnn_ts
