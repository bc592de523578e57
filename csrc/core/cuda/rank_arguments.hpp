// SPDX-License-Identifier: BSD-3-Clause
//
// The arguments of the kernels of a rank's step (kernels/rank.cu); see arguments.hpp. A row is an
// atom that sends, receivers first; an image is a position of a row. The first images are the
// receivers themselves. P counts the listed pairs, those within a skin beyond the cutoff.
#pragma once

#include "arguments.hpp"

namespace hipnn_ts {
namespace cuda {

/// places = positions[row] + shift . box.
struct PlaceImagesArguments {
  long long n; // images
  const int* rows;
  const short* shifts; // (n, 3)
  double box[9];
  const double* positions; // (n_rows, 3)
  double* places;          // (n, 3)
};

/// counts (n_rows,), zero before: listed pairs of each sender. receivers (P,): receiver of each
/// pair.
struct CountSendersArguments {
  long long n_receivers;
  const long long* first; // (n_receivers + 1,)
  const int* images;      // (P,), of senders
  const int* rows;        // of images
  int* counts;
  int* receivers;
};

/// listed (P,): pairs by sender, in the order of arrival.
struct PlaceSendersArguments {
  long long n_pairs;
  const int* images;
  const int* rows;
  const long long* first; // (n_rows + 1,)
  int* filled;            // (n_rows,), zero before
  int* listed;
};

/// Moves the listed pairs within the cutoff to the front of each receiver's part.
template <class T> struct NearPairsArguments {
  long long n_receivers;
  double cutoff_squared;
  const double* places;   // of images
  const int* rows;        // of images
  const long long* first; // (n_receivers + 1,)
  const int* images;      // (P,)
  long long* end;         // (n_receivers,)
  int* senders;           // (P,)
  T* vectors;             // (P, 3)
  int* moved;             // (P,): new position of a listed pair, -1 beyond the cutoff
};

/// The same pairs by sender.
struct SenderPairsArguments {
  long long n_rows;
  const long long* first;     // (n_rows + 1,)
  const int* listed;          // (P,)
  const int* moved;           // (P,)
  const int* listed_receiver; // (P,), of each listed pair
  long long* end;             // (n_rows,)
  int* pairs;                 // (P,)
  int* receivers;             // (P,)
};

/// energies += table[species].
struct AddSelfEnergiesArguments {
  long long n;
  const int* species;
  const double* table;
  double* energies;
};

/// The results that are read: energy, virial (xx yy zz xy xz yz), whether a pair is closer than in
/// the training data, and `wrong` of CheckResultsArguments.
constexpr int n_sums = 7, sum_close = 7, sum_wrong = 8, sums_size = 10;

/// partial (blocks, n_sums): the sums of a block. Gradients and vectors are those of pairs.
template <class T> struct SumResultsArguments {
  long long n_receivers;
  Groups by_receiver;
  const double* energies;
  const T* vectors;
  const T* vector_gradients;
  double* partial;
};

/// sums (sums_size,) over them, and the flags.
struct TotalResultsArguments {
  long long n_partial;
  const double* partial;
  const int* close;
  const int* wrong;
  double* sums;
};

/// virials (n_rows, 6): half of each pair's to each of its ends; or (n_rows, 9), xx yy zz xy xz yz
/// yx zx zy: all of it to the sender.
template <class T> struct RowVirialsArguments {
  long long n_rows, n_receivers;
  Groups by_receiver, by_sender;
  const T* vectors;
  const T* vector_gradients;
  double* virials;
};

/// Rows of features (n, padded) and dense rows (n, width) of a message, from and to the rows that
/// `index` names, or those from `first` on if it is null.
template <class T> struct BorderArguments {
  long long n;
  int width, padded;
  const int* index;
  long long first;
  T* rows;
  T* message;
};

} // namespace cuda
} // namespace hipnn_ts
