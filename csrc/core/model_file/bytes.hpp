// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstring>
#include <string_view>

#include "core/model_file/file_error.hpp"

namespace hipnn_ts {

/// Little-endian numbers and text in untrusted bytes: every read is checked against their end.
class Bytes {
public:
  explicit Bytes(std::string_view bytes) : bytes_(bytes) {}

  template <class Integer> Integer at(uint64_t place) const {
    Integer value;
    std::memcpy(&value, text(place, sizeof value).data(), sizeof value);
    return value;
  }

  std::string_view text(uint64_t place, uint64_t size) const {
    if (place > bytes_.size() || size > bytes_.size() - place) {
      throw FileError("damaged: its directory leaves the file");
    }
    return bytes_.substr(place, size);
  }

private:
  std::string_view bytes_;
};

} // namespace hipnn_ts
