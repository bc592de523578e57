// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <string>

namespace hipnn_ts {
namespace cuda {

/// One file of compiled kernels, named by everything that they were made from. A failure of the
/// cache costs a compilation and is not an error.
class Cache {
public:
  /// There is no cache if `folder` is empty.
  Cache(const std::string& folder, const std::string& key);

  /// Empty if there is none, or if it is incomplete.
  std::string read() const;
  /// Written completely or not at all, whatever other processes do.
  void write(const std::string& binary) const;

private:
  std::string folder_, path_;
};

} // namespace cuda
} // namespace hipnn_ts
