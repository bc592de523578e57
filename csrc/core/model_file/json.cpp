// SPDX-License-Identifier: BSD-3-Clause
#include "core/model_file/json.hpp"

#include <set>
#include <vector>

namespace hipnn_ts {
namespace {

constexpr int deepest = 64;       // far beyond ours
constexpr size_t most_shown = 60; // characters of a value in a message

} // namespace

Json parse_json(std::string_view text, const std::string& name) {
  std::vector<std::set<std::string>> keys; // number of enclosing objects
  const auto check = [&](int depth, Json::parse_event_t event, Json& parsed) {
    if (depth > deepest) {
      throw FileError(name + ": expected values nested less deeply");
    }
    if (event == Json::parse_event_t::object_start) {
      keys.emplace_back();
    } else if (event == Json::parse_event_t::object_end) {
      keys.pop_back();
    } else if (event == Json::parse_event_t::key) {
      const auto key = parsed.get<std::string>();
      if (!keys.back().insert(key).second) {
        throw FileError(name + ": found '" + key.substr(0, most_shown) + "' twice");
      }
    }
    return true;
  };
  try {
    Json out = Json::parse(text.begin(), text.end(), check);
    if (out.is_object()) {
      return out;
    }
  } catch (const Json::exception&) {
    // reported below
  }
  throw FileError(name + ": expected a JSON object, found something else");
}

const Json& value_of(const Json& object, const char* key, const std::string& name) {
  const auto found = object.find(key);
  if (!object.is_object() || found == object.end()) {
    throw FileError(name + ": expected the key '" + key + "', found none");
  }
  return *found;
}

int64_t integer_of(const Json& value, const std::string& name, int64_t low, int64_t high) {
  const bool fits = value.is_number_unsigned()
                        ? value.get<uint64_t>() <= static_cast<uint64_t>(high)
                        : value.is_number_integer() && value.get<int64_t>() <= high;
  if (!fits || value.get<int64_t>() < low) {
    throw FileError(
        name + ": expected an integer from " + std::to_string(low) + " to " + std::to_string(high) +
        ", found " + shown(value));
  }
  return value.get<int64_t>();
}

std::string text_of(const Json& value, const std::string& name) {
  if (!value.is_string()) {
    throw FileError(name + ": expected a text, found " + shown(value));
  }
  return value.get<std::string>();
}

std::string shown(const Json& value) {
  const std::string text = value.dump(-1, ' ', true);
  return text.size() <= most_shown ? text : text.substr(0, most_shown) + "...";
}

} // namespace hipnn_ts
