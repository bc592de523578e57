// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <stdexcept>

#include "core/visibility.hpp"

namespace hipnn_ts {

/// A model file, or a part of one, that cannot be used: what, where, found and expected, in one
/// sentence.
class HIPNN_TS_API FileError : public std::runtime_error {
public:
  using std::runtime_error::runtime_error;
  ~FileError() override;
};

} // namespace hipnn_ts
