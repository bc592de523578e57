// SPDX-License-Identifier: BSD-3-Clause
//
// JSON documents that may say anything. Included by few: the library's header is large.
#pragma once

#include <nlohmann/json.hpp>

#include <string>
#include <string_view>

#include "core/model_file/file_error.hpp"

namespace hipnn_ts {

using Json = nlohmann::json;

/// The object in `text`, which messages call `name`. Throws FileError where that is no JSON object,
/// one key stands twice, or objects are nested deeper than any of ours.
Json parse_json(std::string_view text, const std::string& name);

/// The value of a key. Throws FileError where it is missing.
const Json& value_of(const Json& object, const char* key, const std::string& name);

/// A number in [low, high], or FileError.
int64_t integer_of(
    const Json& value, const std::string& name, int64_t low, int64_t high = int64_t{1} << 40);

/// A text, or FileError.
std::string text_of(const Json& value, const std::string& name);

/// A value for a message: short, whatever it is.
std::string shown(const Json& value);

} // namespace hipnn_ts
