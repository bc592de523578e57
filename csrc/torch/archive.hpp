// SPDX-License-Identifier: BSD-3-Clause
//
// A model file comes from anywhere. torch's reader verifies no checksum, takes a tensor's size on
// trust and compiles any operator, those that write files among them: what is checked here must be
// checked before torch loads the file, on the very bytes that it loads.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "core/visibility.hpp"

namespace hipnn_ts {

/// Throws c10::Error, one sentence, unless `bytes` are a TorchScript archive that is undamaged and
/// has nothing in it but what exported potentials consist of.
HIPNN_TS_API void check_archive(const std::string& bytes);

/// Throws unless TorchScript source names only the functions and attributes of exported potentials.
void check_code(std::string_view name, std::string_view source);

/// Throws unless a pickle makes only values of exported potentials and each tensor's storage is as
/// large as its record. `size_of` gives the bytes of the record with a key, -1 where there is none.
void check_pickle(
    std::string_view name, std::string_view content,
    const std::function<int64_t(const std::string&)>& size_of);

} // namespace hipnn_ts
