// SPDX-License-Identifier: BSD-3-Clause
//
// A model file comes from anywhere. torch's reader verifies no checksum, takes a tensor's size on
// trust and compiles any operator, those that write files among them: what is checked here must be
// checked before torch loads the file, on the very bytes that it loads.
#pragma once

#include <string>
#include <string_view>

#include "core/visibility.hpp"

namespace hipnn_ts {

/// Throws c10::Error, one sentence, unless `bytes` are a TorchScript archive that is undamaged and
/// has nothing in it but what exported potentials consist of.
HIPNN_TS_API void check_archive(const std::string& bytes);

/// Throws unless TorchScript source names only the functions and attributes of exported potentials.
void check_code(std::string_view name, std::string_view source);

} // namespace hipnn_ts
