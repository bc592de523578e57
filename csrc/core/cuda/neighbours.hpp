// SPDX-License-Identifier: BSD-3-Clause
//
// hipnn_ts::NeighbourList's counterpart on a device.
#pragma once

#include "core/cuda/cell_search.hpp"
#include "core/cuda/network.hpp"

namespace hipnn_ts {
namespace cuda {

/// A Verlet list with each pair's reverse, so that senders have their pairs as receivers do. It
/// contains the pairs within the cutoff and a skin; kernels skip those beyond the cutoff. For a few
/// atoms without a box it contains every pair: such a list always fits.
class Neighbours {
public:
  Neighbours(Device& device, double cutoff, double skin)
      : device_(&device), cutoff_(cutoff), skin_(skin) {}

  /// Searches again if an atom has moved by half of the skin or if the box has changed.
  /// Synchronises with the device, once if the list still fits, and not at all if it always does:
  /// then a step can be captured in a CUDA graph, and NaN positions reach the energy.
  ///
  /// positions (n, 3), Angstrom, on the device; `module` is any of the device's. Throws like
  /// divide.
  void update(Module& module, const double* positions, int64_t n, const Box& box);

  /// Number of searches so far.
  int64_t searches() const { return searches_; }

  /// The pairs at these positions, which the list fits. `vectors` (P, 3) has room for them.
  template <class T>
  DeviceConfiguration<T>
  pairs(Module& module, const double* positions, const int* species, T* vectors) const;
  int64_t n_pairs() const { return pairs_.size; }

private:
  bool fits(Module& module, const double* positions, int64_t n, const Box& box) const;
  void search(Module& module, const double* positions, int64_t n, const Box& box);

  Device* device_;
  double cutoff_, skin_;
  int64_t searches_ = 0, n_ = -1;
  Box box_;
  Array<double> reference_; // (n, 3), positions of the search
  FoundPairs pairs_;
  Array<int> reverse_; // (P,)
};

} // namespace cuda
} // namespace hipnn_ts
