// SPDX-License-Identifier: BSD-3-Clause
//
// A model file may come from anywhere. torch's reader verifies no checksum, trusts the size of a
// tensor and compiles any operator, including those that write files, so all checks must come
// before torch loads the file, on the very bytes that it loads.
#pragma once

#include <string>
#include <string_view>

#include "core/visibility.hpp"

namespace hipnn_ts {

/// Throws c10::Error, with one sentence, unless `bytes` are an undamaged TorchScript archive that
/// contains only what exported potentials consist of.
HIPNN_TS_API void check_archive(const std::string& bytes);

/// Throws unless TorchScript source names only the functions and attributes of exported potentials.
void check_code(std::string_view name, std::string_view source);

} // namespace hipnn_ts
