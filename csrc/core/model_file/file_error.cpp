// SPDX-License-Identifier: BSD-3-Clause
#include "core/model_file/file_error.hpp"

namespace hipnn_ts {
namespace {

/// Bytes of the UTF-8 character that begins at text[at]; 0 if none does.
size_t character(const std::string& text, size_t at) {
  const auto byte = [&](size_t k) { return static_cast<unsigned char>(text[k]); };
  const unsigned char first = byte(at);
  const size_t size = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  if (first < 0x20 || first == 0x7F || (first >= 0x80 && first < 0xC2) || first > 0xF4 ||
      at + size > text.size()) {
    return 0;
  }
  for (size_t k = 1; k < size; ++k) {
    if ((byte(at + k) & 0xC0) != 0x80) {
      return 0;
    }
  }
  // An overlong form, half of a surrogate pair, or beyond the last character.
  const unsigned char second = size > 1 ? byte(at + 1) : 0;
  const bool wrong = (first == 0xE0 && second < 0xA0) || (first == 0xED && second > 0x9F) ||
                     (first == 0xF0 && second < 0x90) || (first == 0xF4 && second > 0x8F);
  return wrong ? 0 : size;
}

/// Files may name their parts with any bytes.
std::string printable(const std::string& text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const size_t size = character(text, at);
    out += size ? text.substr(at, size) : "?";
    at += size ? size : 1;
  }
  return out;
}

} // namespace

FileError::FileError(const std::string& sentence) : std::runtime_error(printable(sentence)) {}

FileError::~FileError() = default;

} // namespace hipnn_ts
