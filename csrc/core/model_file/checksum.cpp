// SPDX-License-Identifier: BSD-3-Clause
#include "core/model_file/checksum.hpp"

#include <array>

namespace hipnn_ts {
namespace {

constexpr int stride = 8; // number of bytes that are processed together

/// [k][b]: contribution of byte b when k bytes follow it.
std::array<std::array<uint32_t, 256>, stride> make_tables() {
  std::array<std::array<uint32_t, 256>, stride> t{};
  for (uint32_t n = 0; n < 256; ++n) {
    t[0][n] = n;
    for (int bit = 0; bit < 8; ++bit) {
      t[0][n] = t[0][n] & 1 ? 0xEDB88320U ^ (t[0][n] >> 1) : t[0][n] >> 1;
    }
  }
  for (int k = 1; k < stride; ++k) {
    for (uint32_t n = 0; n < 256; ++n) {
      t[k][n] = t[0][t[k - 1][n] & 0xFFU] ^ (t[k - 1][n] >> 8);
    }
  }
  return t;
}

} // namespace

uint32_t checksum(std::string_view bytes) {
  static const auto tables = make_tables();
  const auto* data = reinterpret_cast<const unsigned char*>(bytes.data());
  const size_t size = bytes.size();
  uint32_t crc = 0xFFFFFFFFU;
  size_t i = 0;
  for (; i + stride <= size; i += stride) {
    uint32_t next = 0;
    for (int k = 0; k < stride; ++k) {
      const uint32_t byte = data[i + k] ^ (k < 4 ? (crc >> (8 * k)) & 0xFFU : 0);
      next ^= tables[stride - 1 - k][byte];
    }
    crc = next;
  }
  for (; i < size; ++i) {
    crc = tables[0][(crc ^ data[i]) & 0xFFU] ^ (crc >> 8);
  }
  return ~crc;
}

} // namespace hipnn_ts
