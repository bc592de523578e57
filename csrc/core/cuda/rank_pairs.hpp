// SPDX-License-Identifier: BSD-3-Clause
//
// The pairs of one rank of a host that moves atoms, built on the device from positions alone.
//
// Why a cell list here and not the host's list, sent once: with a cutoff of 6.5 Å, a skin of 2 and
// the density of water a list has 255 entries per atom. Sent at each rebuild, they are 1 kB per
// atom, 20 ns on a bus of 50 GB/s; but LAMMPS needs 3.9 µs per atom to build that list
// (benchmarks/results/lammps.json, `Neigh` over builds), while the kernels of a step need 0.35
// (gpu.json). With a rebuild in every tenth step the list would cost more than the network, and the
// bus 0.002 µs.
#pragma once

#include <vector>

#include "core/cuda/cell_search.hpp"
#include "core/cuda/network.hpp"

namespace hipnn_ts {
namespace cuda {

/// Rows are atoms, receivers first; images are their positions. The first images are the receivers
/// themselves.
struct RankAtoms {
  int64_t n_receivers = 0, n_rows = 0; // rows that may send
  std::vector<int> row_of_image;
  std::vector<int16_t> shifts; // (n_images, 3): box vectors from the row's position to the image

  int64_t n_images() const { return static_cast<int64_t>(row_of_image.size()); }
};

class HIPNN_TS_API RankPairs {
public:
  explicit RankPairs(Device& device) : device_(&device) {}

  /// Called when a host renews its list. Pairs are listed up to `reach` (Å) at these positions
  /// (n_images, 3) in host memory. Synchronises with the device. Throws like divide and
  /// search_cells.
  void
  list(Module& search, Module& rank, const RankAtoms& atoms, const double* places, double reach);

  /// Positions of rows (n_rows, 3), from the host; `box` has its vectors as rows, zero in
  /// directions that are not periodic. Or the positions of all images, for a host that does not
  /// keep them in a lattice.
  void move(Module& rank, const double* positions, const double* box);
  void place(const double* places);
  /// (n_images, 3) on the device, for a host that writes the positions of all images there itself.
  double* places() { return places_.data(); }

  /// The pairs within the cutoff at these positions; species (n_rows,) on the device.
  template <class T>
  DeviceConfiguration<T> near(Module& rank, double cutoff, const int* species, Array<T>& vectors);

  /// Number of pairs in the list, an upper bound on those within the cutoff.
  int64_t listed() const { return pairs_.size; }
  int64_t bytes() const;

private:
  Device* device_;
  int64_t n_receivers_ = 0, n_rows_ = 0, n_images_ = 0;
  Array<int> rows_;       // of images
  Array<int16_t> shifts_; // (n_images, 3)
  Array<double> positions_, places_;
  FoundPairs pairs_;      // senders are images
  Array<long long> sent_; // (n_rows + 1,), of `listed_`
  Array<int> listed_, receiver_of_, moved_;
  Array<long long> receiver_end_, sender_end_;
  Array<int> senders_, sent_pairs_, receivers_;
};

} // namespace cuda
} // namespace hipnn_ts
