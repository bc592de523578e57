// SPDX-License-Identifier: BSD-3-Clause
#include "core/cuda/neighbours.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/cuda/grids.hpp"
#include "core/cuda/neighbour_arguments.hpp"

namespace hipnn_ts {
namespace cuda {
namespace {

bool few(int64_t n, const Box& box) {
  return !box.any() && n <= all_pairs_limit;
}

} // namespace

bool Neighbours::fits(Module& module, const double* positions, int64_t n, const Box& box) const {
  if (n_ != n || !(box == box_)) {
    return false;
  }
  if (few(n, box)) {
    return true;
  }
  const Array<int> flag = zeros<int>(*device_, 1);
  module.launch(
      "find_moved", over(n),
      MovedArguments{n, positions, reference_.data(), 0.25 * skin_ * skin_, flag.data()});
  return value_of(*device_, flag.data()) == 0;
}

void Neighbours::update(Module& module, const double* positions, int64_t n, const Box& box) {
  if (!fits(module, positions, n, box)) {
    n_ = -1;
    search(module, positions, n, box);
    n_ = n;
    box_ = box;
    ++searches_;
  }
}

void Neighbours::search(Module& module, const double* positions, int64_t n, const Box& box) {
  // The host sees every position at a search, so errors are reported as on the CPU.
  std::vector<double> on_host(3 * n);
  if (n > 0) {
    device_->download(on_host.data(), positions, bytes_of<double>(3 * n));
  }
  const double reach = cutoff_ + skin_;
  const Bins bins = divide(on_host.data(), n, box, reach);
  pairs_ = search_cells(
      *device_, module, positions, n, n, bins, box,
      few(n, box) ? std::numeric_limits<double>::infinity() : reach, true);
  reverse_ = Array<int>(*device_, pairs_.size);
  module.launch(
      "reverse_pairs", warp_each(n),
      ReversePairsArguments{
          n, pairs_.first.data(), pairs_.senders.data(), pairs_.images.data(), reverse_.data()});
  reference_ = Array<double>(*device_, 3 * n);
  device_->copy(reference_.data(), positions, bytes_of<double>(3 * n));
}

template <class T>
DeviceConfiguration<T>
Neighbours::pairs(Module& module, const double* positions, const int* species, T* vectors) const {
  PairVectorsArguments<T> x{};
  x.n = n_;
  x.positions = positions;
  std::copy_n(box_.vectors.begin(), 9, x.box);
  x.first = pairs_.first.data();
  x.senders = pairs_.senders.data();
  x.images = pairs_.images.data();
  x.vectors = vectors;
  module.launch("pair_vectors", warp_each(n_), x);
  const long long* first = pairs_.first.data();
  return {
      n_,
      n_,
      species,
      vectors,
      {first, first + 1, nullptr, pairs_.senders.data()},
      // The receiver of a pair's reverse is the pair's sender.
      {first, first + 1, reverse_.data(), pairs_.senders.data()}};
}

template DeviceConfiguration<float>
Neighbours::pairs(Module&, const double*, const int*, float*) const;
template DeviceConfiguration<double>
Neighbours::pairs(Module&, const double*, const int*, double*) const;

} // namespace cuda
} // namespace hipnn_ts
