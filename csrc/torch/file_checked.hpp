// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <c10/util/Exception.h>

#include "core/model_file/file_error.hpp"

namespace hipnn_ts {

/// Calls body(); a FileError becomes c10::Error.
template <class Body> auto file_checked(const Body& body) {
  try {
    return body();
  } catch (const FileError& error) {
    C10_THROW_ERROR(Error, error.what());
  }
}

} // namespace hipnn_ts
