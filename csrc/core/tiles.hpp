// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>

namespace hipnn_ts {

/// Tiles of consecutive atoms: tile t begins at atom t * (tile size).
struct TileList {
  const int32_t* tiles;
  int64_t size;
};

/// Receivers begin ... end - 1.
struct ReceiverRange {
  int32_t begin, end;

  /// Always inlined, because kernels of several instruction sets share it.
  __attribute__((always_inline)) bool holds(int32_t receiver) const {
    return receiver >= begin && receiver < end;
  }
};

/// Activations and projections of this many atoms stay in cache; a multiple of every gemm_rows.
constexpr int max_tile_size = 48;

} // namespace hipnn_ts
