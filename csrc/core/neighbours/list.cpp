// SPDX-License-Identifier: BSD-3-Clause
#include "core/neighbours/list.hpp"

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
    // Written so that what is not a number does not fit.
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

/// take(receiver, sender, vector) for each pair within the cutoff of receivers begin ... end - 1.
template <class Take>
void NeighbourList::walk(const double* positions, int64_t begin, int64_t end, Take&& take) const {
  for (int64_t i = begin; i < end; ++i) {
    const double* own = positions + 3 * i;
    for (int64_t p = rows_.offsets[i]; p < rows_.offsets[i + 1]; ++p) {
      const ListedPair& pair = rows_.pairs[p];
      const double* other = positions + 3 * int64_t{pair.sender};
      const auto shift = box_.translation(pair.image.data());
      // In this order a pair and its reverse are opposite to the last bit.
      const double x = (other[0] - own[0]) + shift[0];
      const double y = (other[1] - own[1]) + shift[1];
      const double z = (other[2] - own[2]) + shift[2];
      if (x * x + y * y + z * z < cutoff_ * cutoff_) {
        take(i, pair.sender, x, y, z);
      }
    }
  }
}

template <class Index, class T>
int64_t NeighbourList::gather(
    const double* positions, int n_threads, Index* receivers, Index* senders, T* vectors) {
  const auto n = static_cast<int64_t>(rows_.offsets.size()) - 1;
  const int threads = n < 256 ? 1 : n_threads;
  const auto share = [n, threads](int t) { return n * t / threads; };
  // Each thread counts its pairs first, so that all know where to write.
  starts_.assign(threads + 1, 0);
  if (threads > 1) {
#pragma omp parallel for num_threads(threads) schedule(static, 1)
    for (int t = 0; t < threads - 1; ++t) {
      int64_t count = 0;
      walk(positions, share(t), share(t + 1), [&count](auto&&...) { ++count; });
      starts_[t + 1] = count;
    }
  }
  for (int t = 0; t < threads; ++t) {
    starts_[t + 1] += starts_[t];
  }
#pragma omp parallel for num_threads(threads) schedule(static, 1)
  for (int t = 0; t < threads; ++t) {
    int64_t p = starts_[t];
    walk(
        positions, share(t), share(t + 1), [&](int64_t i, int64_t j, double x, double y, double z) {
          receivers[p] = static_cast<Index>(i);
          senders[p] = static_cast<Index>(j);
          vectors[3 * p] = static_cast<T>(x);
          vectors[3 * p + 1] = static_cast<T>(y);
          vectors[3 * p + 2] = static_cast<T>(z);
          ++p;
        });
    if (t == threads - 1) {
      starts_[threads] = p;
    }
  }
  return starts_[threads];
}

template int64_t NeighbourList::gather(const double*, int, int32_t*, int32_t*, float*);
template int64_t NeighbourList::gather(const double*, int, int32_t*, int32_t*, double*);
template int64_t NeighbourList::gather(const double*, int, int64_t*, int64_t*, double*);

} // namespace hipnn_ts
