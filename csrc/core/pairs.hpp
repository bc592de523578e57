// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <vector>

namespace hipnn_ts {

/// Pairs grouped by one of their ends, in compressed-row form: group g owns
/// `pairs[offsets[g]] ... pairs[offsets[g + 1] - 1]`, pair indices in ascending order, so sums over
/// a group run in one order whatever the number of threads.
struct PairGroups {
  int64_t size;
  const int64_t* offsets;
  const int32_t* pairs;
};

/// Owner of such groups. Storage only grows.
class PairGrouping {
public:
  /// Group by `ends[p]`, each in [0, n_groups). Throws std::invalid_argument on an end out of range
  /// or more than 2^31 - 1 pairs.
  void build(const int64_t* ends, int64_t n_pairs, int64_t n_groups);

  /// Valid until the next build.
  PairGroups groups() const {
    return {static_cast<int64_t>(offsets_.size()) - 1, offsets_.data(), pairs_.data()};
  }

private:
  std::vector<int64_t> offsets_;
  std::vector<int32_t> pairs_;
};

} // namespace hipnn_ts
