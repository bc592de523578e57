// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <vector>

#include "core/buffer.hpp"

namespace hipnn_ts {

/// The order in which kernels go through pairs: by the species of the sender, then by distance,
/// coarsely, such that consecutive pairs need about the same sensitivities. Pairs beyond the cutoff
/// are left out.
class PairOrder {
public:
  /// `senders` (P,) are atoms with species places[j], one of n_species. Independent of the number
  /// of threads.
  template <class T>
  void build(
      const T* vectors, T cutoff, const int32_t* senders, const int32_t* places, int n_species,
      int64_t n_pairs, int n_threads);

  const int32_t* pairs() const { return pairs_.data(); }
  int64_t size() const { return size_; }
  int64_t bytes() const;

private:
  static constexpr int distance_classes = 8;
  static constexpr int n_parts = 16; // parts of the pairs, each sorted by one thread

  int64_t size_ = 0;
  Buffer<uint16_t> keys_; // (P,)
  Buffer<int32_t> pairs_;
  std::vector<int64_t> places_; // (n_parts, keys), position of the next pair of a part and key
};

} // namespace hipnn_ts
