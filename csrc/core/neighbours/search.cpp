// SPDX-License-Identifier: BSD-3-Clause
#include "core/neighbours/search.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <new>

namespace hipnn_ts {
namespace {

int32_t floor_divide(int32_t a, int32_t b) {
  return a >= 0 ? a / b : -((b - 1 - a) / b);
}

} // namespace

void PairSearch::fill(const double* positions, int64_t n, const Box& box, const Bins& bins) {
  placed_.resize(n);
  first_.assign(bins.count() + 1, 0);
  const auto index = [&bins](const Triple& bin) {
    return (int64_t{bin[0]} * bins.size[1] + bin[1]) * bins.size[2] + bin[2];
  };
  for (int64_t i = 0; i < n; ++i) {
    const double* r = positions + 3 * i;
    Placed& p = placed_[i];
    for (int k = 0; k < 3; ++k) {
      double fraction = 0.0;
      for (int c = 0; c < 3; ++c) {
        fraction += (r[c] - bins.origin[c]) * bins.inverse[3 * c + k];
      }
      const double wrap = box.periodic[k] ? std::floor(fraction) : 0.0;
      if (std::abs(wrap) > farthest_wrap) {
        throw WrongPosition(i, "expected coordinates near the box, found one a million boxes away");
      }
      p.wrap[k] = static_cast<int32_t>(wrap);
      const auto bin = static_cast<int32_t>((fraction - wrap) * bins.size[k]);
      p.bin[k] = std::clamp(bin, 0, bins.size[k] - 1);
    }
    const auto taken = box.translation(p.wrap.data());
    p.position = {r[0] - taken[0], r[1] - taken[1], r[2] - taken[2]};
    ++first_[index(p.bin) + 1];
  }
  for (size_t b = 1; b < first_.size(); ++b) {
    first_[b] += first_[b - 1];
  }
  order_.resize(n);
  binned_positions_.resize(3 * n);
  std::vector<int64_t> next(first_.begin(), first_.end() - 1);
  for (int64_t i = 0; i < n; ++i) {
    const int64_t place = next[index(placed_[i].bin)]++;
    order_[place] = static_cast<int32_t>(i);
    std::copy_n(placed_[i].position.data(), 3, &binned_positions_[3 * place]);
  }
}

void PairSearch::look_around(
    int64_t i, const Box& box, const Bins& bins, double reach, int thread) {
  const Placed& own = placed_[i];
  const Triple& size = bins.size;
  std::vector<Found>& found = found_[thread];
  // Along an axis, the consecutive bins from `at` that lie in one image, and that image.
  const auto image_of = [&](int k, int32_t at) {
    return box.periodic[k] ? floor_divide(at, size[k]) : 0;
  };
  Triple low, high, image;
  for (int k = 0; k < 3; ++k) {
    low[k] = own.bin[k] - bins.range[k];
    high[k] = own.bin[k] + bins.range[k];
    if (!box.periodic[k]) {
      low[k] = std::max(low[k], 0);
      high[k] = std::min(high[k], size[k] - 1);
    }
  }
  for (int32_t x = low[0]; x <= high[0]; ++x) {
    image[0] = image_of(0, x);
    for (int32_t y = low[1]; y <= high[1]; ++y) {
      image[1] = image_of(1, y);
      const int64_t row =
          (int64_t{x - image[0] * size[0]} * size[1] + (y - image[1] * size[1])) * size[2];
      for (int32_t z = low[2]; z <= high[2];) {
        image[2] = image_of(2, z);
        const int32_t start = image[2] * size[2];
        const int32_t last = std::min(start + size[2] - 1, high[2]);
        const auto shift = box.translation(image.data());
        const bool home = image[0] == 0 && image[1] == 0 && image[2] == 0;
        const int64_t end = first_[row + last - start + 1];
        for (int64_t q = first_[row + z - start]; q < end; ++q) {
          const double* other = &binned_positions_[3 * q];
          const double dx = (other[0] - own.position[0]) + shift[0];
          const double dy = (other[1] - own.position[1]) + shift[1];
          const double dz = (other[2] - own.position[2]) + shift[2];
          const int32_t j = order_[q];
          if (dx * dx + dy * dy + dz * dz < reach * reach && !(home && j == i)) {
            const Placed& sender = placed_[j];
            found.push_back(
                {i,
                 {j,
                  {image[0] - sender.wrap[0] + own.wrap[0], image[1] - sender.wrap[1] + own.wrap[1],
                   image[2] - sender.wrap[2] + own.wrap[2]}}});
          }
        }
        z = last + 1;
      }
    }
  }
}

void PairSearch::transpose(int64_t n, PairRows& rows) const {
  // Receivers come in ascending order, so the reversed pairs fill their rows in order of sender.
  rows.offsets.assign(n + 1, 0);
  for (const auto& of_thread : found_) {
    for (const Found& f : of_thread) {
      ++rows.offsets[f.pair.sender + 1];
    }
  }
  for (int64_t i = 0; i < n; ++i) {
    rows.offsets[i + 1] += rows.offsets[i];
  }
  rows.pairs.resize(rows.offsets[n]);
  std::vector<int64_t> next(rows.offsets.begin(), rows.offsets.end() - 1);
  for (const auto& of_thread : found_) {
    for (const Found& f : of_thread) {
      const auto& [x, y, z] = f.pair.image;
      rows.pairs[next[f.pair.sender]++] = {static_cast<int32_t>(f.receiver), {-x, -y, -z}};
    }
  }
}

void PairSearch::run(
    const double* positions, int64_t n, const Box& box, double reach, int n_threads,
    PairRows& rows) {
  const Bins bins = divide(positions, n, box, reach);
  fill(positions, n, box, bins);
  const int threads = n < 256 ? 1 : n_threads;
  found_.resize(threads);
  std::atomic<bool> no_memory{false}; // no exception may leave a parallel region
  // Contiguous ranges, so that the threads' results follow each other.
#pragma omp parallel for num_threads(threads) schedule(static, 1)
  for (int t = 0; t < threads; ++t) {
    try {
      found_[t].clear();
      for (int64_t i = n * t / threads; i < n * (t + 1) / threads; ++i) {
        look_around(i, box, bins, reach, t);
      }
    } catch (const std::bad_alloc&) {
      no_memory = true;
    }
  }
  if (no_memory) {
    found_.clear();
    throw std::bad_alloc();
  }
  transpose(n, rows);
}

} // namespace hipnn_ts
