// SPDX-License-Identifier: BSD-3-Clause
//
// Matrices (n_rows, n_columns) in the layout of dense layers: panels of panel_width columns, one
// after the other, the last one padded with zeros. hipnn_ts.export.packing writes the same layout.
#pragma once

#include "core/kernels.hpp"

namespace hipnn_ts {

inline int64_t n_panels(int64_t n_columns) {
  return (n_columns + panel_width - 1) / panel_width;
}

inline int64_t panels_size(int64_t n_rows, int64_t n_columns) {
  return n_panels(n_columns) * n_rows * panel_width;
}

/// Position of element (row, column).
inline int64_t in_panels(int64_t row, int64_t column, int64_t n_rows) {
  return (column / panel_width * n_rows + row) * panel_width + column % panel_width;
}

} // namespace hipnn_ts
