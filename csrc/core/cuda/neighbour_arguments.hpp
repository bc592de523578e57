// SPDX-License-Identifier: BSD-3-Clause
//
// The arguments of the kernels of the neighbour search; see arguments.hpp.
#pragma once

#include "arguments.hpp"

namespace hipnn_ts {
namespace cuda {

/// Equal bins over a box, or over the atoms' extent (core/neighbours/bins.hpp).
struct BinsArguments {
  double origin[3];
  double inverse[9];
  double box[9]; // rows; zero in directions that are not periodic
  int size[3];
  int range[3];
  bool periodic[3];
};

/// Sets the flag if the square of an atom's displacement is `limit` or more, or NaN.
struct MovedArguments {
  long long n;
  const double* positions; // (n, 3)
  const double* reference; // (n, 3)
  double limit;
  int* flag;
};

/// Beyond this many boxes away images have no number.
constexpr int farthest_image = 16000;

/// Puts atoms into bins: their positions and bins within the box, subtracted box vectors, atoms of
/// each bin. `wrong` becomes 1 + the last atom that is too far away.
struct BinAtomsArguments {
  BinsArguments bins;
  long long n;
  const double* positions; // (n, 3)
  double* placed;          // (n, 3)
  int* bin;                // (n, 3)
  short* wraps;            // (n, 3)
  int* counts;             // (bins,)
  int* wrong;
};

/// offsets (n + 1,): sums of the counts before each.
struct ScanArguments {
  long long n;
  const int* counts;
  long long* offsets;
};

/// Atoms bin by bin, in the order of arrival.
struct PlaceAtomsArguments {
  BinsArguments bins;
  long long n;
  const int* bin;
  const long long* offsets; // of bins in `order`
  int* filled;              // (bins,), zero before
  int* order;
};

/// Sorts the atoms of each bin, so that nothing depends on which thread was first.
struct SortBinsArguments {
  long long n_bins;
  const long long* offsets;
  int* order;
};

/// Pairs that the first n atoms receive within the reach: counted if `first` is null, otherwise
/// written.
struct FindPairsArguments {
  BinsArguments bins;
  long long n;
  double reach;
  const double* placed;
  const int* bin;
  const short* wraps;
  const long long* offsets;
  const int* order;
  int* counts;            // (n,)
  const long long* first; // (n + 1,)
  int* senders;           // (P,)
  short* images;          // (P, 3), null if not wanted
};

/// reverse (P,): the pair that joins the same two atoms in the other direction.
struct ReversePairsArguments {
  long long n;
  const long long* first;
  const int* senders;
  const short* images;
  int* reverse;
};

/// vectors (P, 3) = positions[sender] - positions[receiver] + image . box.
template <class T> struct PairVectorsArguments {
  long long n;
  const double* positions;
  double box[9];
  const long long* first; // of each receiver's pairs
  const int* senders;
  const short* images;
  T* vectors;
};

} // namespace cuda
} // namespace hipnn_ts
