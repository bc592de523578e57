// SPDX-License-Identifier: BSD-3-Clause
//
// Pairs in the layout of the training operators on a device. A step calls a dozen operators on the
// same pairs: they are sorted and their indices checked once, without synchronising the device.
#pragma once

#include <memory>

#include "core/cuda/device.hpp"
#include "core/cuda/training_arguments.hpp"
#include "core/visibility.hpp"
#include "torch/moments_form.hpp"

namespace hipnn_ts {
namespace cuda {

struct TrainingPairs {
  at::Tensor receiver_begin, sender_begin, receiver_records, sender_records;
  at::Tensor start; // 0, or NaN if an index is out of range; in the type of the factors

  GroupedPairs by_receiver() const { return grouped(receiver_begin, receiver_records); }
  GroupedPairs by_sender() const { return grouped(sender_begin, sender_records); }

private:
  static GroupedPairs grouped(const at::Tensor& begin, const at::Tensor& records);
};

/// The pairs of contiguous tensors, kept while these live unchanged.
HIPNN_TS_API std::shared_ptr<const TrainingPairs>
training_pairs(Device& device, const PairTensors& pairs, const Sizes& sizes, at::ScalarType type);

} // namespace cuda
} // namespace hipnn_ts
