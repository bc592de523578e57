// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <deque>
#include <memory>
#include <mutex>

#include "core/neighbours/list.hpp"

namespace hipnn_ts {

/// Neighbour lists of one force, for any number of threads and of configurations in turn. A
/// barostat that reverts its move, or replicas that share a force, find their earlier list.
class NeighbourListPool {
public:
  NeighbourListPool(double cutoff, double skin) : cutoff_(cutoff), skin_(skin) {}

  /// Sole use of a list that fits; a search makes one if there is none. Throws like
  /// NeighbourList::search.
  std::unique_ptr<NeighbourList>
  take(const double* positions, int64_t n, const Box& box, int n_threads);

  /// Keeps a list for later.
  void give_back(std::unique_ptr<NeighbourList> list);

  double cutoff() const { return cutoff_; }
  /// Number of searches so far.
  int64_t searches() const;

private:
  double cutoff_, skin_;
  mutable std::mutex mutex_;
  int64_t searches_ = 0, uses_ = 0;
  struct Free {
    std::unique_ptr<NeighbourList> list;
    int64_t last_use; // a value of uses_
  };
  std::deque<Free> free_; // last used first
};

} // namespace hipnn_ts
