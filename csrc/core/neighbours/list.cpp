// SPDX-License-Identifier: BSD-3-Clause
#include "core/neighbours/list.hpp"

#include <algorithm>
#include <limits>

namespace hipnn_ts {

bool NeighbourList::fits(const double* positions, int64_t n, const Box& box) const {
  if (!valid_ || static_cast<int64_t>(reference_.size()) != 3 * n || !(box == box_)) {
    return false;
  }
  const double limit = 0.25 * skin_ * skin_;
  for (int64_t i = 0; i < n; ++i) {
    double moved = 0.0;
    for (int64_t c = 3 * i; c < 3 * i + 3; ++c) {
      moved += (positions[c] - reference_[c]) * (positions[c] - reference_[c]);
    }
    // Written such that NaN does not fit.
    if (!(moved < limit)) {
      return false;
    }
  }
  return true;
}

void NeighbourList::search(const double* positions, int64_t n, const Box& box, int n_threads) {
  valid_ = false;
  search_.run(positions, n, box, cutoff_ + skin_, n_threads, rows_);
  reference_.assign(positions, positions + 3 * n);
  box_ = box;
  valid_ = true;
}

/// near(receiver, sender, vector, whether it is within the cutoff) for the listed pairs of
/// receivers begin ... end - 1, until it returns false.
template <class Near>
void NeighbourList::walk(const double* positions, int64_t begin, int64_t end, Near&& near) const {
  const double cutoff_squared = cutoff_ * cutoff_;
  for (int64_t i = begin; i < end; ++i) {
    const double* own = positions + 3 * i;
    for (int64_t p = rows_.offsets[i]; p < rows_.offsets[i + 1]; ++p) {
      const ListedPair& pair = rows_.pairs[p];
      const double* other = positions + 3 * int64_t{pair.sender};
      const auto shift = box_.translation(pair.image.data());
      // In this order a pair and its reverse are bitwise opposite.
      const std::array<double, 3> r = {
          (other[0] - own[0]) + shift[0], (other[1] - own[1]) + shift[1],
          (other[2] - own[2]) + shift[2]};
      const double squared = r[0] * r[0] + r[1] * r[1] + r[2] * r[2];
      if (!near(i, pair.sender, r, squared, squared < cutoff_squared)) {
        return;
      }
    }
  }
}

template <class Index, class T>
int64_t NeighbourList::gather(
    const double* positions, int n_threads, Index* receivers, Index* senders, T* vectors,
    Index first) {
  const auto n = static_cast<int64_t>(rows_.offsets.size()) - 1;
  const int threads = n < 256 ? 1 : n_threads;
  const auto share = [n, threads](int t) { return n * t / threads; };
  // Each thread counts its pairs first, so that all know where to write.
  starts_.assign(threads + 1, 0);
  if (threads > 1) {
#pragma omp parallel for num_threads(threads) schedule(static, 1)
    for (int t = 0; t < threads - 1; ++t) {
      int64_t count = 0;
      walk(positions, share(t), share(t + 1), [&count](auto, auto, auto&&, auto, bool is_near) {
        count += is_near;
        return true;
      });
      starts_[t + 1] = count;
    }
  }
  for (int t = 0; t < threads; ++t) {
    starts_[t + 1] += starts_[t];
  }
  lowest_.assign(threads, std::numeric_limits<double>::infinity());
#pragma omp parallel for num_threads(threads) schedule(static, 1)
  for (int t = 0; t < threads; ++t) {
    int64_t p = starts_[t];
    const int64_t stop = t == threads - 1 ? size() : starts_[t + 1];
    double lowest = lowest_[t];
    // Every pair is written, and the next one overwrites it unless it is near: about half are, in
    // no order that a branch predictor could learn. None is written into another thread's part.
    walk(
        positions, share(t), share(t + 1),
        [&](int64_t i, int64_t j, const std::array<double, 3>& r, double squared, bool is_near) {
          if (p == stop) {
            return false;
          }
          receivers[p] = first + static_cast<Index>(i);
          senders[p] = first + static_cast<Index>(j);
          for (int c = 0; c < 3; ++c) {
            vectors[3 * p + c] = static_cast<T>(r[c]);
          }
          p += is_near;
          lowest = std::min(lowest, squared);
          return true;
        });
    lowest_[t] = lowest;
    if (t == threads - 1) {
      starts_[threads] = p;
    }
  }
  return starts_[threads];
}

double NeighbourList::lowest_squared() const {
  return lowest_.empty() ? std::numeric_limits<double>::infinity()
                         : *std::min_element(lowest_.begin(), lowest_.end());
}

template int64_t NeighbourList::gather(const double*, int, int32_t*, int32_t*, float*, int32_t);
template int64_t NeighbourList::gather(const double*, int, int32_t*, int32_t*, double*, int32_t);
template int64_t NeighbourList::gather(const double*, int, int64_t*, int64_t*, double*, int64_t);

} // namespace hipnn_ts
