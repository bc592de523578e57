// SPDX-License-Identifier: BSD-3-Clause
#include "core/neighbours/pool.hpp"

#include <algorithm>

namespace hipnn_ts {
namespace {

/// Two serve a barostat in a system of any size; more are kept while they are small and in use.
constexpr size_t always_kept = 2, most_kept = 32;
constexpr int64_t most_kept_pairs = 4'000'000; // 64 MB
/// A simulation that moves on leaves its lists behind: number of evaluations after which one is
/// rebuilt.
constexpr int64_t abandoned = most_kept;

} // namespace

std::unique_ptr<NeighbourList>
NeighbourListPool::take(const double* positions, int64_t n, const Box& box, int n_threads) {
  std::unique_ptr<NeighbourList> list;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    ++uses_;
    const auto fitting = std::find_if(free_.begin(), free_.end(), [&](const Free& each) {
      return each.list->fits(positions, n, box);
    });
    if (fitting != free_.end()) {
      list = std::move(fitting->list);
      free_.erase(fitting);
      return list;
    }
    ++searches_;
    int64_t pairs = 0;
    for (const Free& each : free_) {
      pairs += each.list->size();
    }
    const bool full = free_.size() >= most_kept || pairs > most_kept_pairs ||
                      (!free_.empty() && uses_ - free_.back().last_use > abandoned);
    if (full && free_.size() >= always_kept) {
      list = std::move(free_.back().list);
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
  free_.push_front({std::move(list), uses_});
}

int64_t NeighbourListPool::searches() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return searches_;
}

} // namespace hipnn_ts
