// SPDX-License-Identifier: BSD-3-Clause
//
// A training step calls a dozen operators on the same pairs: indices are checked and grouped by the
// first of them, and kept as long as the tensors live unchanged.
#pragma once

#include <c10/util/intrusive_ptr.h>

#include <list>
#include <vector>

#include "core/pairs.hpp"
#include "torch/moments_form.hpp"

namespace hipnn_ts {

/// Tensors as they were: the same objects, not written to since through torch.
class Unchanged {
public:
  explicit Unchanged(const std::vector<at::Tensor>& tensors);

  bool are(const std::vector<at::Tensor>& tensors) const;
  /// Whether one of the tensors is gone.
  bool gone() const;
  /// Whether writing to these tensors shows; it does not for those of inference mode.
  static bool shows(const std::vector<at::Tensor>& tensors);

private:
  struct Seen {
    c10::weak_intrusive_ptr<c10::TensorImpl> tensor;
    const void* data;
    int64_t size;
    uint32_t version;
  };
  std::vector<Seen> seen_;
};

/// Pairs whose indices are in range, by receiver and by sender. Within a group those with windows
/// of one size follow each other: processors guess the ends of loops better then.
class CheckedPairs {
public:
  /// Throws c10::Error. Tensors are contiguous.
  CheckedPairs(const PairTensors& pairs, const Sizes& sizes);

  PairGroups by_receiver() const { return by_receiver_.groups(); }
  PairGroups by_sender() const { return by_sender_.groups(); }

private:
  PairGrouping by_receiver_, by_sender_;
};

/// Those of a form; valid until the next call on this thread.
const CheckedPairs& checked_pairs(const PairTensors& pairs, const Sizes& sizes);

/// Windows (first, count) of n pairs that are within n_sensitivities; throws c10::Error.
void check_windows_once(
    const at::Tensor& first, const at::Tensor& count, int64_t n, int64_t window,
    int64_t n_sensitivities);

} // namespace hipnn_ts
