// SPDX-License-Identifier: BSD-3-Clause
//
// From positions to the pairs within the cutoff, by receiver and by sender. The only atomics count
// integers, and the resulting order is sorted, so the pairs are the same in every run.
#pragma once

#include "prelude.cuh"
#include "rank_arguments.hpp"

namespace hipnn_ts {
namespace cuda {

KERNEL(place_images, PlaceImagesArguments) {
  for (long long k = grid_thread(); k < x.n; k += grid_threads()) {
    const double* own = x.positions + 3LL * x.rows[k];
    const short* shift = x.shifts + 3 * k;
    for (int d = 0; d < 3; ++d) {
      x.places[3 * k + d] =
          own[d] + (shift[0] * x.box[d] + shift[1] * x.box[3 + d] + shift[2] * x.box[6 + d]);
    }
  }
}

/// A warp for each receiver.
KERNEL(count_senders, CountSendersArguments) {
  const long long i = grid_warp();
  if (i >= x.n_receivers) {
    return;
  }
  for (long long p = x.first[i] + lane(); p < x.first[i + 1]; p += warp_size) {
    x.receivers[p] = static_cast<int>(i);
    atomicAdd(x.counts + x.rows[x.images[p]], 1);
  }
}

KERNEL(place_senders, PlaceSendersArguments) {
  for (long long p = grid_thread(); p < x.n_pairs; p += grid_threads()) {
    const int row = x.rows[x.images[p]];
    x.listed[x.first[row] + atomicAdd(x.filled + row, 1)] = static_cast<int>(p);
  }
}

/// Number of lanes below this one whose bits are set in `lanes`.
__device__ inline int before_this(unsigned lanes) {
  return __popc(lanes & ((1u << lane()) - 1u));
}

/// A warp for each receiver.
KERNEL(near_pairs, NearPairsArguments<Real>) {
  const long long i = grid_warp();
  if (i >= x.n_receivers) {
    return;
  }
  const double* to = x.places + 3 * i;
  long long place = x.first[i];
  for (long long begin = x.first[i]; begin < x.first[i + 1]; begin += warp_size) {
    const long long p = begin + lane();
    const bool listed = p < x.first[i + 1];
    double r[3] = {0, 0, 0};
    int image = 0;
    if (listed) {
      image = x.images[p];
      for (int d = 0; d < 3; ++d) {
        r[d] = x.places[3LL * image + d] - to[d];
      }
    }
    // Written such that NaN counts as near and reaches the energy.
    const bool near = listed && !(r[0] * r[0] + r[1] * r[1] + r[2] * r[2] >= x.cutoff_squared);
    const unsigned lanes = __ballot_sync(all_lanes, near);
    const long long q = place + before_this(lanes);
    if (near) {
      x.senders[q] = x.rows[image];
      for (int d = 0; d < 3; ++d) {
        x.vectors[3 * q + d] = static_cast<Real>(r[d]);
      }
    }
    if (listed) {
      x.moved[p] = near ? static_cast<int>(q) : -1;
    }
    place += __popc(lanes);
  }
  if (lane() == 0) {
    x.end[i] = place;
  }
}

/// A warp for each row.
KERNEL(sender_pairs, SenderPairsArguments) {
  const long long row = grid_warp();
  if (row >= x.n_rows) {
    return;
  }
  long long place = x.first[row];
  for (long long begin = x.first[row]; begin < x.first[row + 1]; begin += warp_size) {
    const long long k = begin + lane();
    const int listed = k < x.first[row + 1] ? x.listed[k] : -1;
    const int p = listed >= 0 ? x.moved[listed] : -1;
    const unsigned lanes = __ballot_sync(all_lanes, p >= 0);
    if (p >= 0) {
      const long long q = place + before_this(lanes);
      x.pairs[q] = p;
      x.receivers[q] = x.listed_receiver[listed];
    }
    place += __popc(lanes);
  }
  if (lane() == 0) {
    x.end[row] = place;
  }
}

} // namespace cuda
} // namespace hipnn_ts
