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

template <class T> Array<T> zeros(Device& device, int64_t n) {
  Array<T> out(device, n);
  device.zero(out.data(), bytes_of<T>(n));
  return out;
}

template <class T> T value_of(Device& device, const T* on_device) {
  T out;
  device.download(&out, on_device, sizeof(T));
  return out;
}

/// One block, and a sum for each of its threads.
Grid one_block() {
  return {1, element_threads, 1, element_threads * static_cast<int>(sizeof(long long))};
}

BinsArguments arguments(const Bins& bins, const Box& box) {
  BinsArguments out{};
  std::copy_n(bins.origin, 3, out.origin);
  std::copy_n(bins.inverse, 9, out.inverse);
  std::copy_n(box.vectors.begin(), 9, out.box);
  std::copy_n(bins.size.begin(), 3, out.size);
  std::copy_n(bins.range.begin(), 3, out.range);
  std::copy_n(box.periodic.begin(), 3, out.periodic);
  return out;
}

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
  // The host sees every position at a search: what is wrong with one is told as on the CPU.
  std::vector<double> on_host(3 * n);
  if (n > 0) {
    device_->download(on_host.data(), positions, bytes_of<double>(3 * n));
  }
  const double reach = cutoff_ + skin_;
  const Bins divided = divide(on_host.data(), n, box, reach);
  const BinsArguments bins = arguments(divided, box);
  const int64_t n_bins = divided.count();

  const Array<double> placed(*device_, 3 * n);
  const Array<int> bin(*device_, 3 * n), order(*device_, n), wrong = zeros<int>(*device_, 1);
  const Array<int16_t> wraps(*device_, 3 * n);
  const Array<int> in_bin = zeros<int>(*device_, n_bins), filled = zeros<int>(*device_, n_bins);
  const Array<long long> offsets(*device_, n_bins + 1);
  module.launch(
      "bin_atoms", over(n),
      BinAtomsArguments{
          bins, n, positions, placed.data(), bin.data(), wraps.data(), in_bin.data(),
          wrong.data()});
  module.launch("scan", one_block(), ScanArguments{n_bins, in_bin.data(), offsets.data()});
  module.launch(
      "place_atoms", over(n),
      PlaceAtomsArguments{bins, n, bin.data(), offsets.data(), filled.data(), order.data()});
  module.launch("sort_bins", over(n_bins), SortBinsArguments{n_bins, offsets.data(), order.data()});
  if (const int atom = value_of(*device_, wrong.data()); atom > 0) {
    throw WrongPosition(
        atom - 1, "expected coordinates near the box, found one thousands of boxes away");
  }

  const Array<int> counts(*device_, n);
  FindPairsArguments find{};
  find.bins = bins;
  find.n = n;
  find.reach = few(n, box) ? std::numeric_limits<double>::infinity() : reach;
  find.placed = placed.data();
  find.bin = bin.data();
  find.wraps = wraps.data();
  find.offsets = offsets.data();
  find.order = order.data();
  find.counts = counts.data();
  module.launch("find_pairs", warp_each(n), find);
  first_ = Array<long long>(*device_, n + 1);
  module.launch("scan", one_block(), ScanArguments{n, counts.data(), first_.data()});
  const long long found = value_of(*device_, first_.data() + n);
  if (found > std::numeric_limits<int32_t>::max()) {
    throw std::invalid_argument("expected fewer than 2^31 pairs, found " + std::to_string(found));
  }
  n_pairs_ = found;
  senders_ = Array<int>(*device_, n_pairs_);
  images_ = Array<int16_t>(*device_, 3 * n_pairs_);
  reverse_ = Array<int>(*device_, n_pairs_);
  find.first = first_.data();
  find.senders = senders_.data();
  find.images = images_.data();
  module.launch("find_pairs", warp_each(n), find);
  module.launch(
      "reverse_pairs", warp_each(n),
      ReversePairsArguments{n, first_.data(), senders_.data(), images_.data(), reverse_.data()});
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
  x.first = first_.data();
  x.senders = senders_.data();
  x.images = images_.data();
  x.vectors = vectors;
  module.launch("pair_vectors", warp_each(n_), x);
  const long long* first = first_.data();
  return {
      n_,
      n_,
      species,
      vectors,
      {first, first + 1, nullptr, senders_.data()},
      // Who receives the reverse of a pair is who sends the pair.
      {first, first + 1, reverse_.data(), senders_.data()}};
}

template DeviceConfiguration<float>
Neighbours::pairs(Module&, const double*, const int*, float*) const;
template DeviceConfiguration<double>
Neighbours::pairs(Module&, const double*, const int*, double*) const;

} // namespace cuda
} // namespace hipnn_ts
