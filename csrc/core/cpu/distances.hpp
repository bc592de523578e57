// SPDX-License-Identifier: BSD-3-Clause
//
// Distances of atoms from those of the training data: core/uncertainty.hpp.
#pragma once

#include "core/cpu/gemm.hpp"

namespace hipnn_ts {
namespace HIPNN_TS_ISA {

/// For L, lower triangular, a panel of 32 rows needs only the features up to its own.
template <class T> void distances(const DistanceProblem<T>& x) {
  const int D = x.n_features;
  T* const deviations = x.scratch;
  T* const whitened = deviations + int64_t{max_tile_size} * D;
  double squares[max_tile_size] = {};
  for (int i = 0; i < x.n; ++i) {
    T* row = deviations + int64_t{i} * D;
    const T* mean = x.mean;
    for (int k = 0; k < x.n_blocks; ++k) {
      const int width = x.widths[k];
      const T* features = x.blocks[k] + int64_t{x.rows[i]} * width;
      for (int f = 0; f < width; ++f) {
        row[f] = features[f] - mean[f];
      }
      row += width;
      mean += width;
    }
  }
  for (int begin = 0; begin < D; begin += panel_width) {
    const int end = begin + panel_width < D ? begin + panel_width : D;
    gemm(
        x.n, end - begin, end, deviations, D, x.whitening + int64_t{begin} * D, whitened,
        panel_width, false);
    for (int i = 0; i < x.n; ++i) {
      const T* row = whitened + i * panel_width;
      for (int f = 0; f < end - begin; ++f) {
        squares[i] += static_cast<double>(row[f]) * static_cast<double>(row[f]);
      }
    }
  }
  for (int i = 0; i < x.n; ++i) {
    x.distances[x.rows[i]] = __builtin_sqrt(squares[i]);
  }
}

} // namespace HIPNN_TS_ISA
} // namespace hipnn_ts
