// SPDX-License-Identifier: BSD-3-Clause
#include "core/pair_order.hpp"

#include <algorithm>
#include <cmath>

namespace hipnn_ts {

template <class T>
void PairOrder::build(
    const T* vectors, T cutoff, const int32_t* senders, const int32_t* places, int n_species,
    int64_t n_pairs, int n_threads) {
  const int beyond = n_species * distance_classes, n_keys = beyond + 1;
  const T per_class = distance_classes / cutoff;
  uint16_t* keys = keys_.resize(n_pairs);
  int32_t* pairs = pairs_.resize(n_pairs);
  places_.assign(int64_t{n_parts} * n_keys, 0);
  const int64_t part_size = (n_pairs + n_parts - 1) / n_parts;
  const auto for_parts = [&](const auto& body) {
#pragma omp parallel for schedule(static) num_threads(n_threads) if (n_pairs > 4096)
    for (int part = 0; part < n_parts; ++part) {
      const int64_t begin = part * part_size, end = std::min(begin + part_size, n_pairs);
      body(begin, end, places_.data() + int64_t{part} * n_keys);
    }
  };
  for_parts([&](int64_t begin, int64_t end, int64_t* count) {
    constexpr int64_t block = 64;
    for (int64_t first = begin; first < end; first += block) {
      const auto size = static_cast<int>(std::min(block, end - first));
      int32_t classes[block];
      for (int k = 0; k < size; ++k) {
        const T* v = vectors + 3 * (first + k);
        const T r = std::sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]);
        // Written such that a NaN distance counts as inside and reaches the energy instead of
        // vanishing.
        const T among = r >= cutoff ? T(-1) : r > 0 ? r * per_class : T(0);
        classes[k] = static_cast<int32_t>(among);
      }
      for (int k = 0; k < size; ++k) {
        const int of_species = places[senders[first + k]] * distance_classes;
        const int key = classes[k] < 0 ? beyond : of_species + classes[k];
        keys[first + k] = static_cast<uint16_t>(key);
        ++count[key];
      }
    }
  });
  int64_t total = 0;
  for (int key = 0; key < n_keys; ++key) {
    size_ = total; // after the last key, the number of pairs within the cutoff
    for (int part = 0; part < n_parts; ++part) {
      int64_t& place = places_[int64_t{part} * n_keys + key];
      const int64_t count = place;
      place = total;
      total += count;
    }
  }
  for_parts([&](int64_t begin, int64_t end, int64_t* next) {
    for (int64_t p = begin; p < end; ++p) {
      pairs[next[keys[p]]++] = static_cast<int32_t>(p);
    }
  });
}

int64_t PairOrder::bytes() const {
  return keys_.bytes() + pairs_.bytes() +
         static_cast<int64_t>(places_.capacity() * sizeof(int64_t));
}

template void
PairOrder::build(const float*, float, const int32_t*, const int32_t*, int, int64_t, int);
template void
PairOrder::build(const double*, double, const int32_t*, const int32_t*, int, int64_t, int);

} // namespace hipnn_ts
