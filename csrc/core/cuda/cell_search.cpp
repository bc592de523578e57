// SPDX-License-Identifier: BSD-3-Clause
#include "core/cuda/cell_search.hpp"

#include <algorithm>
#include <limits>

#include "core/cuda/grids.hpp"
#include "core/cuda/neighbour_arguments.hpp"

namespace hipnn_ts {
namespace cuda {
namespace {

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

} // namespace

Grid scan_grid() {
  return {1, element_threads, 1, element_threads * static_cast<int>(sizeof(long long))};
}

FoundPairs search_cells(
    Device& device, Module& module, const double* places, int64_t n, int64_t n_receivers,
    const Bins& divided, const Box& box, double reach, bool with_images) {
  const BinsArguments bins = arguments(divided, box);
  const int64_t n_bins = divided.count();
  const Array<double> placed(device, 3 * n);
  const Array<int> bin(device, 3 * n), order(device, n), wrong = zeros<int>(device, 1);
  const Array<int16_t> wraps(device, 3 * n);
  const Array<int> in_bin = zeros<int>(device, n_bins), filled = zeros<int>(device, n_bins);
  const Array<long long> offsets(device, n_bins + 1);
  module.launch(
      "bin_atoms", over(n),
      BinAtomsArguments{
          bins, n, places, placed.data(), bin.data(), wraps.data(), in_bin.data(), wrong.data()});
  module.launch("scan", scan_grid(), ScanArguments{n_bins, in_bin.data(), offsets.data()});
  module.launch(
      "place_atoms", over(n),
      PlaceAtomsArguments{bins, n, bin.data(), offsets.data(), filled.data(), order.data()});
  module.launch("sort_bins", over(n_bins), SortBinsArguments{n_bins, offsets.data(), order.data()});
  if (const int atom = value_of(device, wrong.data()); atom > 0) {
    throw WrongPosition(
        atom - 1, "expected coordinates near the box, found one thousands of boxes away");
  }

  const Array<int> counts(device, n_receivers);
  FindPairsArguments find{};
  find.bins = bins;
  find.n = n_receivers;
  find.reach = reach;
  find.placed = placed.data();
  find.bin = bin.data();
  find.wraps = wraps.data();
  find.offsets = offsets.data();
  find.order = order.data();
  find.counts = counts.data();
  module.launch("find_pairs", warp_each(n_receivers), find);
  FoundPairs found;
  found.first = Array<long long>(device, n_receivers + 1);
  module.launch("scan", scan_grid(), ScanArguments{n_receivers, counts.data(), found.first.data()});
  found.size = value_of(device, found.first.data() + n_receivers);
  if (found.size > std::numeric_limits<int32_t>::max()) {
    throw std::invalid_argument(
        "expected fewer than 2^31 pairs, found " + std::to_string(found.size));
  }
  found.senders = Array<int>(device, found.size);
  if (with_images) {
    found.images = Array<int16_t>(device, 3 * found.size);
  }
  find.first = found.first.data();
  find.senders = found.senders.data();
  find.images = found.images.data();
  module.launch("find_pairs", warp_each(n_receivers), find);
  return found;
}

} // namespace cuda
} // namespace hipnn_ts
