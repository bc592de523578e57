// SPDX-License-Identifier: BSD-3-Clause
//
// All directed pairs within a distance, as in PairSearch (core/neighbours/search.cpp), and each
// pair's reverse. The only atomics count integers, so the list is the same in every run.
#pragma once

#include "neighbour_arguments.hpp"
#include "prelude.cuh"

namespace hipnn_ts {
namespace cuda {

KERNEL(find_moved, MovedArguments) {
  for (long long i = grid_thread(); i < x.n; i += grid_threads()) {
    double moved = 0;
    for (int d = 0; d < 3; ++d) {
      const double step = x.positions[3 * i + d] - x.reference[3 * i + d];
      moved += step * step;
    }
    if (!(moved < x.limit)) {
      *x.flag = 1; // all threads that write, write the same value
    }
  }
}

__device__ inline long long bin_index(const BinsArguments& bins, const int* bin) {
  return (static_cast<long long>(bin[0]) * bins.size[1] + bin[1]) * bins.size[2] + bin[2];
}

template <class Integer>
__device__ inline double translation(const double* box, const Integer* image, int d) {
  return image[0] * box[d] + image[1] * box[3 + d] + image[2] * box[6 + d];
}

KERNEL(bin_atoms, BinAtomsArguments) {
  for (long long i = grid_thread(); i < x.n; i += grid_threads()) {
    const double* r = x.positions + 3 * i;
    int* bin = x.bin + 3 * i;
    short* wrap = x.wraps + 3 * i;
    for (int k = 0; k < 3; ++k) {
      double fraction = 0;
      for (int c = 0; c < 3; ++c) {
        fraction += (r[c] - x.bins.origin[c]) * x.bins.inverse[3 * c + k];
      }
      double whole = x.bins.periodic[k] ? floor(fraction) : 0.0;
      if (!(fabs(whole) <= farthest_image)) {
        atomicMax(x.wrong, static_cast<int>(i) + 1);
        whole = 0;
        fraction = 0;
      }
      wrap[k] = static_cast<short>(whole);
      const int at = static_cast<int>((fraction - whole) * x.bins.size[k]);
      bin[k] = at < 0 ? 0 : at < x.bins.size[k] ? at : x.bins.size[k] - 1;
    }
    for (int d = 0; d < 3; ++d) {
      x.placed[3 * i + d] = r[d] - translation(x.bins.box, wrap, d);
    }
    atomicAdd(x.counts + bin_index(x.bins, bin), 1);
  }
}

/// One block: each thread sums a stretch, then all know where theirs begins.
KERNEL(scan, ScanArguments) {
  DYNAMIC_SHARED(shared);
  long long* sums = reinterpret_cast<long long*>(shared);
  const int n_threads = blockDim.x;
  const long long stretch = (x.n + n_threads - 1) / n_threads;
  const long long begin = threadIdx.x * stretch;
  const long long end = begin + stretch < x.n ? begin + stretch : x.n;
  long long sum = 0;
  for (long long k = begin; k < end; ++k) {
    sum += x.counts[k];
  }
  sums[threadIdx.x] = sum;
  __syncthreads();
  long long before = 0;
  for (unsigned t = 0; t < threadIdx.x; ++t) {
    before += sums[t];
  }
  for (long long k = begin; k < end; ++k) {
    x.offsets[k] = before;
    before += x.counts[k];
  }
  if (threadIdx.x == blockDim.x - 1) {
    x.offsets[x.n] = before;
  }
}

KERNEL(place_atoms, PlaceAtomsArguments) {
  for (long long i = grid_thread(); i < x.n; i += grid_threads()) {
    const long long b = bin_index(x.bins, x.bin + 3 * i);
    x.order[x.offsets[b] + atomicAdd(x.filled + b, 1)] = static_cast<int>(i);
  }
}

KERNEL(sort_bins, SortBinsArguments) {
  for (long long b = grid_thread(); b < x.n_bins; b += grid_threads()) {
    for (long long k = x.offsets[b] + 1; k < x.offsets[b + 1]; ++k) {
      const int atom = x.order[k];
      long long place = k;
      for (; place > x.offsets[b] && x.order[place - 1] > atom; --place) {
        x.order[place] = x.order[place - 1];
      }
      x.order[place] = atom;
    }
  }
}

/// A candidate of the warp's atom i: whether it is near, and its position in the list.
__device__ inline void test_candidate(
    const FindPairsArguments& x, long long i, long long q, bool exists, const int* image,
    int& found) {
  int j = 0;
  bool near = false;
  if (exists) {
    j = x.order[q];
    double squared = 0;
    for (int d = 0; d < 3; ++d) {
      const double step =
          (x.placed[3LL * j + d] - x.placed[3 * i + d]) + translation(x.bins.box, image, d);
      squared += step * step;
    }
    const bool home = image[0] == 0 && image[1] == 0 && image[2] == 0;
    near = squared < x.reach * x.reach && !(home && j == i);
  }
  const unsigned lanes = __ballot_sync(all_lanes, near);
  if (near && x.first) {
    const long long p = x.first[i] + found + __popc(lanes & ((1u << lane()) - 1u));
    x.senders[p] = j;
    for (int k = 0; x.images && k < 3; ++k) {
      x.images[3 * p + k] =
          static_cast<short>(image[k] - x.wraps[3LL * j + k] + x.wraps[3 * i + k]);
    }
  }
  found += __popc(lanes);
}

__device__ inline int floor_divide(int a, int b) {
  return a >= 0 ? a / b : -((b - 1 - a) / b);
}

/// A warp for each receiver, whose lanes test neighbours in turn.
KERNEL(find_pairs, FindPairsArguments) {
  const long long i = grid_warp();
  if (i >= x.n) {
    return;
  }
  const BinsArguments& bins = x.bins;
  int low[3], high[3], image[3], found = 0;
  for (int k = 0; k < 3; ++k) {
    low[k] = x.bin[3 * i + k] - bins.range[k];
    high[k] = x.bin[3 * i + k] + bins.range[k];
    if (!bins.periodic[k]) {
      low[k] = low[k] > 0 ? low[k] : 0;
      high[k] = high[k] < bins.size[k] ? high[k] : bins.size[k] - 1;
    }
  }
  const auto image_of = [&](int k, int at) {
    return bins.periodic[k] ? floor_divide(at, bins.size[k]) : 0;
  };
  for (int bx = low[0]; bx <= high[0]; ++bx) {
    image[0] = image_of(0, bx);
    for (int by = low[1]; by <= high[1]; ++by) {
      image[1] = image_of(1, by);
      for (int bz = low[2]; bz <= high[2];) {
        // Bins of one image are consecutive along the last axis.
        image[2] = image_of(2, bz);
        const int start = image[2] * bins.size[2];
        const int last = start + bins.size[2] - 1 < high[2] ? start + bins.size[2] - 1 : high[2];
        const int bin[3] = {bx - image[0] * bins.size[0], by - image[1] * bins.size[1], bz - start};
        const long long b = bin_index(bins, bin);
        const long long end = x.offsets[b + last - bz + 1];
        for (long long q = x.offsets[b]; q < end; q += warp_size) {
          test_candidate(x, i, q + lane(), q + lane() < end, image, found);
        }
        bz = last + 1;
      }
    }
  }
  if (!x.first && lane() == 0) {
    x.counts[i] = found;
  }
}

/// A warp for each receiver, whose lanes search a sender's row for the reverse pair.
KERNEL(reverse_pairs, ReversePairsArguments) {
  const long long i = grid_warp();
  if (i >= x.n) {
    return;
  }
  for (long long p = x.first[i]; p < x.first[i + 1]; ++p) {
    const int j = x.senders[p];
    const short* image = x.images + 3 * p;
    for (long long begin = x.first[j]; begin < x.first[j + 1]; begin += warp_size) {
      const long long q = begin + lane();
      bool same = q < x.first[j + 1] && x.senders[q] == i;
      for (int k = 0; k < 3 && same; ++k) {
        same = x.images[3 * q + k] == -image[k];
      }
      if (same) {
        x.reverse[p] = static_cast<int>(q);
      }
    }
  }
}

/// A warp for each receiver.
KERNEL(pair_vectors, PairVectorsArguments<Real>) {
  const long long i = grid_warp();
  if (i >= x.n) {
    return;
  }
  const double* to = x.positions + 3 * i;
  for (long long p = x.first[i] + lane(); p < x.first[i + 1]; p += warp_size) {
    const double* from = x.positions + 3LL * x.senders[p];
    for (int d = 0; d < 3; ++d) {
      // In this order a pair and its reverse are bitwise opposite.
      x.vectors[3 * p + d] =
          static_cast<Real>((from[d] - to[d]) + translation(x.box, x.images + 3 * p, d));
    }
  }
}

} // namespace cuda
} // namespace hipnn_ts
