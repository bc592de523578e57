// SPDX-License-Identifier: BSD-3-Clause
//
// The force uncertainty of one network: the distance of the output features of all blocks of an
// atom from those of the training atoms of its element, |L (features - mean)|, with L in eV/Å.
#pragma once

#include <cstdint>
#include <vector>

#include "core/buffer.hpp"

namespace hipnn_ts {

/// The message if one is requested.
constexpr const char* no_uncertainty =
    "expected a model with force uncertainty, found none; training stores it where the validation "
    "data has forces, and 'hipnn-ts export' writes it";

/// The content of a file. L is lower triangular.
template <class T> struct UncertaintyWeights {
  int n_features = 0;           // D, over all blocks; 0 if the file has none
  const T* means = nullptr;     // (S, D)
  const T* whitening = nullptr; // (S, panels_size(D, D)): L^T in the layout of dense layers

  explicit operator bool() const { return n_features > 0; }
};

/// Some atoms of one element.
template <class T> struct DistanceProblem {
  int n_features; // D
  int n_blocks;
  const int* widths;      // number of each block's features
  const T* const* blocks; // of each block, (n_rows, width)
  const int32_t* rows;    // (n,), of these atoms
  int n;                  // at most max_tile_size
  const T* mean;          // (D,)
  const T* whitening;     // panels
  T* scratch;             // (distance_scratch_size(D),)
  double* distances;      // (n_rows,), written for these atoms
};

/// For atoms of all elements, with the required buffers.
template <class T> class Uncertainties {
public:
  /// Force uncertainties (n,), eV/Å, of atoms with these species. `blocks` contains the output
  /// features of each block, (n, width), `widths` their number.
  void compute(
      const UncertaintyWeights<T>& weights, const std::vector<int>& widths, const T* const* blocks,
      const int64_t* species, int64_t n, int n_threads, double* out);

  int64_t bytes() const {
    return scratch_.bytes() + static_cast<int64_t>(rows_.capacity() * sizeof(int32_t));
  }

private:
  std::vector<int32_t> rows_; // (n,), by species
  Buffer<T> scratch_;         // of each thread
};

} // namespace hipnn_ts
