// SPDX-License-Identifier: BSD-3-Clause
//
// Untrusted JSON documents. Few files include this header, because that of the library is large.
#pragma once

#include <nlohmann/json.hpp>

#include <string>
#include <string_view>

#include "core/model_file/file_error.hpp"

namespace hipnn_ts {

using Json = nlohmann::json;

/// The object in `text`, whose name in messages is `name`. Throws FileError if the text is no JSON
/// object, contains a key twice, or nests objects deeper than ours.
Json parse_json(std::string_view text, const std::string& name);

/// The value of a key. Throws FileError if it is missing.
const Json& value_of(const Json& object, const char* key, const std::string& name);

/// A number in [low, high], or FileError.
int64_t integer_of(
    const Json& value, const std::string& name, int64_t low, int64_t high = int64_t{1} << 40);

/// A text, or FileError.
std::string text_of(const Json& value, const std::string& name);

/// A short form of any value for a message.
std::string shown(const Json& value);

} // namespace hipnn_ts
