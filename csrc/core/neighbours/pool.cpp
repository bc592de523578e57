// SPDX-License-Identifier: BSD-3-Clause
#include "core/neighbours/pool.hpp"

#include <algorithm>

namespace hipnn_ts {
namespace {

/// Two serve a barostat in a system of any size; more are kept while they are small.
constexpr size_t always_kept = 2, most_kept = 32;
constexpr int64_t most_kept_pairs = 4'000'000; // 64 MB

} // namespace

std::unique_ptr<NeighbourList>
NeighbourListPool::take(const double* positions, int64_t n, const Box& box, int n_threads) {
  std::unique_ptr<NeighbourList> list;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto fitting = std::find_if(free_.begin(), free_.end(), [&](const auto& each) {
      return each->fits(positions, n, box);
    });
    if (fitting != free_.end()) {
      list = std::move(*fitting);
      free_.erase(fitting);
      return list;
    }
    ++searches_;
    int64_t pairs = 0;
    for (const auto& each : free_) {
      pairs += each->size();
    }
    const bool full = free_.size() >= most_kept || pairs > most_kept_pairs;
    if (full && free_.size() >= always_kept) {
      list = std::move(free_.back());
      free_.pop_back();
    }
  }
  if (!list) {
    list = std::make_unique<NeighbourList>(cutoff_, skin_);
  }
  list->search(positions, n, box, n_threads);
  return list;
}

void NeighbourListPool::give_back(std::unique_ptr<NeighbourList> list) {
  const std::lock_guard<std::mutex> lock(mutex_);
  free_.push_front(std::move(list));
}

int64_t NeighbourListPool::searches() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return searches_;
}

} // namespace hipnn_ts
