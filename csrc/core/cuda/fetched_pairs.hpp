// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "core/closest_approach.hpp"
#include "core/cuda/grids.hpp"
#include "core/cuda/network.hpp"

namespace hipnn_ts {
namespace cuda {

/// An array of the device, in host memory.
template <class T> std::vector<T> fetched(Device& device, const T* from, int64_t n) {
  std::vector<T> out(n);
  if (n > 0) {
    device.download(out.data(), from, bytes_of<T>(n));
  }
  return out;
}

/// The pairs of a step, in host memory, to report which one is at fault.
template <class T> class FetchedPairs {
public:
  /// `n_pairs` is the capacity of the pairs on the device.
  FetchedPairs(Device& device, const DeviceConfiguration<T>& step, int64_t n_pairs) {
    const Groups& groups = step.by_receiver;
    const auto senders = fetched(device, groups.others, n_pairs);
    const auto vectors = fetched(device, step.vectors, 3 * n_pairs);
    const auto begin = fetched(device, groups.begin, step.n_receivers);
    const auto end = fetched(device, groups.end, step.n_receivers);
    for (int64_t i = 0; i < step.n_receivers; ++i) {
      receivers_.insert(receivers_.end(), end[i] - begin[i], static_cast<int32_t>(i));
      senders_.insert(senders_.end(), senders.begin() + begin[i], senders.begin() + end[i]);
      vectors_.insert(vectors_.end(), vectors.begin() + 3 * begin[i], vectors.begin() + 3 * end[i]);
    }
  }

  template <class Species>
  ClosePair closer_than(const ClosestApproach& limits, const Species* species) const {
    return limits.find(species, receivers_.data(), senders_.data(), vectors_.data(), size());
  }
  ClosePair closest() const {
    return closest_pair(receivers_.data(), senders_.data(), vectors_.data(), size());
  }

private:
  int64_t size() const { return static_cast<int64_t>(receivers_.size()); }

  std::vector<int32_t> receivers_, senders_;
  std::vector<T> vectors_;
};

} // namespace cuda
} // namespace hipnn_ts
