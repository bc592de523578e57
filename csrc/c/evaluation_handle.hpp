// SPDX-License-Identifier: BSD-3-Clause
//
// What the handle of an evaluation is, and what computations of one structure and of many share.
#pragma once

#include <algorithm>
#include <array>

#include "core/runtime/batch.hpp"
#include "core/runtime/evaluation.hpp"
#include "handles.hpp"

struct hipnn_ts_evaluation {
  explicit hipnn_ts_evaluation(const hipnn_ts_model& model)
      : evaluation(model.model), batch(model.model), closest(model.closest) {
    species_of_number.fill(-1);
    int64_t next = 0;
    for (const std::string& symbol : model.network().elements) {
      species_of_number[hipnn_ts::atomic_number(symbol)] = next++;
    }
  }

  /// Throws std::invalid_argument if the model does not know an element.
  void take_species(int64_t n, const int32_t* atomic_numbers, int64_t* found) const;

  hipnn_ts::Evaluation evaluation;
  hipnn_ts::Batch batch;
  hipnn_ts::ClosestApproach closest;
  std::array<int64_t, hipnn_ts::n_elements + 1> species_of_number;
  std::vector<int64_t> species;
  hipnn_ts::Wanted wanted;
  bool computed = false;                   // whether the last call computed them
  std::vector<hipnn_ts::BatchFacts> facts; // of the last batch, if it computed them
  std::vector<double> force_deviations;    // of its atoms, if requested
  std::vector<double> uncertainties;       // likewise
  /// Whose results the last call left: deviations and uncertainties.
  enum class Given { none, structure, batch } deviations = Given::none, uncertainty = Given::none;

  void forget() { deviations = uncertainty = Given::none; }
  void given(Given which) {
    deviations = wanted.deviations ? which : Given::none;
    uncertainty = wanted.uncertainty ? which : Given::none;
  }
};

namespace hipnn_ts {

using Given = hipnn_ts_evaluation::Given;

/// The box of C's arguments; `cell` and `pbc` may be null. Throws std::invalid_argument.
Box box_of(const double* cell, const int32_t* pbc);

inline hipnn_ts_pair pair_of(const ClosePair& pair) {
  return {pair.receiver, pair.sender, pair.distance, pair.limit};
}

/// Copies values to where the caller wants them, unless that is null.
template <class Values> void copy(const Values& from, int64_t n, double* to) {
  if (to) {
    std::copy_n(from, n, to);
  }
}

} // namespace hipnn_ts
