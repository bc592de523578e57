// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "core/cuda/device.hpp"
#include "core/neighbours/bins.hpp"

namespace hipnn_ts {
namespace cuda {

/// Directed pairs by receiver, on a device.
struct FoundPairs {
  int64_t size = 0;
  Array<long long> first; // (n_receivers + 1,)
  Array<int> senders;     // (size,)
  Array<int16_t> images;  // (size, 3), if wanted
};

/// All pairs within `reach` (Angstrom) that the first `n_receivers` of n positions (n, 3), on the
/// device, receive from any of them; `bins` are those of the positions. Synchronises with the
/// device. Throws WrongPosition, or std::invalid_argument if there are too many pairs.
FoundPairs search_cells(
    Device& device, Module& module, const double* places, int64_t n, int64_t n_receivers,
    const Bins& bins, const Box& box, double reach, bool with_images);

/// One block, and a sum for each of its threads: for the kernel `scan`.
Grid scan_grid();

template <class T> Array<T> zeros(Device& device, int64_t n) {
  Array<T> out(device, n);
  if (n > 0) {
    device.zero(out.data(), n * static_cast<int64_t>(sizeof(T)));
  }
  return out;
}

template <class T> T value_of(Device& device, const T* on_device) {
  T out;
  device.download(&out, on_device, sizeof(T));
  return out;
}

} // namespace cuda
} // namespace hipnn_ts
