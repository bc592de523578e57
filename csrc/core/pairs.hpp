// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <vector>

#include "core/visibility.hpp"

namespace hipnn_ts {

/// Pairs grouped by one of their ends, in compressed-row form: group g contains the pairs at
/// offsets[g] ... offsets[g + 1] - 1, in ascending order unless another was requested, so sums over
/// a group run in one order, whatever the number of threads.
struct PairGroups {
  int64_t size;
  const int64_t* offsets;
  const int32_t* pairs; // null if they were in this order from the start

  /// The pair at position k. Always inlined, because kernels of several instruction sets share it.
  __attribute__((always_inline)) int64_t pair(int64_t k) const { return pairs ? pairs[k] : k; }
};

/// Throws std::invalid_argument for an end (P,) outside [0, n_groups) or more than 2^31 - 1 pairs.
template <class Index> void check_ends(const Index* ends, int64_t n_pairs, int64_t n_groups);

/// Owner of such groups. Storage only grows.
class PairGrouping {
public:
  /// Groups by `ends[p]`, each in [0, n_groups), which check_ends ensures. The pairs of a group
  /// have the order of the list `order` (n_pairs,), if that is not null; pairs that it lacks are
  /// left out.
  template <class Index>
  void build(const Index* ends, int64_t n_pairs, int64_t n_groups, const int32_t* order = nullptr);

  /// Valid until the next build.
  PairGroups groups() const {
    return {
        static_cast<int64_t>(offsets_.size()) - 1, offsets_.data(),
        sorted_ ? nullptr : pairs_.data()};
  }

  int64_t bytes() const {
    return static_cast<int64_t>(
        offsets_.capacity() * sizeof(int64_t) + pairs_.capacity() * sizeof(int32_t));
  }

private:
  bool sorted_ = true;
  std::vector<int64_t> offsets_;
  std::vector<int32_t> pairs_;
};

/// Forces (n, 3), -dE/dposition, from the gradients (P, 3) with respect to r_sender - r_receiver:
/// written, in double precision and in a fixed order, so that rounding leaves no net force.
/// Receivers are the first atoms; all atoms may send.
template <class T>
HIPNN_TS_API void sum_forces(
    const PairGroups& received, const PairGroups& sent, const T* gradients, int n_threads,
    double* forces);

} // namespace hipnn_ts
