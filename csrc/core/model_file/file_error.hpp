// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <stdexcept>
#include <string>

#include "core/visibility.hpp"

namespace hipnn_ts {

/// A model file, or a part of one, that cannot be used: what, where, found and expected, in one
/// sentence.
class HIPNN_TS_API FileError : public std::runtime_error {
public:
  /// Invalid and control characters become question marks.
  explicit FileError(const std::string& sentence);
  ~FileError() override;
};

} // namespace hipnn_ts
