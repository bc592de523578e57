// SPDX-License-Identifier: BSD-3-Clause
//
// A training step calls a dozen operators on the same pairs: the first of them checks and groups
// the indices, and the result is kept while the tensors live unchanged.
#pragma once

#include "core/pairs.hpp"
#include "torch/moments_form.hpp"

namespace hipnn_ts {

/// Pairs whose indices are in range, by receiver and by sender. Within a group, pairs with windows
/// of one size are consecutive, which lets processors predict the ends of loops.
class CheckedPairs {
public:
  /// Throws c10::Error. Tensors are contiguous.
  CheckedPairs(const PairTensors& pairs, const Sizes& sizes);

  PairGroups by_receiver() const { return by_receiver_.groups(); }
  PairGroups by_sender() const { return by_sender_.groups(); }

private:
  PairGrouping by_receiver_, by_sender_;
};

/// The pairs of a form; valid until the next call on this thread.
const CheckedPairs& checked_pairs(const PairTensors& pairs, const Sizes& sizes);

/// Windows (first, count) of n pairs that are within n_sensitivities; throws c10::Error.
void check_windows_once(
    const at::Tensor& first, const at::Tensor& count, int64_t n, int64_t window,
    int64_t n_sensitivities);

} // namespace hipnn_ts
