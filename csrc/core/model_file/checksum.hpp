// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <string_view>

namespace hipnn_ts {

/// CRC-32 as in zip (ISO 3309).
uint32_t checksum(std::string_view bytes);

} // namespace hipnn_ts
