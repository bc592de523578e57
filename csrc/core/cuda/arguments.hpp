// SPDX-License-Identifier: BSD-3-Clause
//
// The argument of each kernel, one structure by value, read by the host's compiler and by NVRTC.
// Symbols and shapes as in core/kernels.hpp. Feature widths here are padded to whole warps, with
// zero weights; A is the padded n_middle, F the number of features in one pass of a warp.
#pragma once

#include "core/components.hpp"

namespace hipnn_ts {

struct RepulsionTerms;

namespace cuda {

constexpr int warp_size = 32;
constexpr int max_threads = 256; // of a block
constexpr int window_bins = 1024;

/// Shared memory of the tile of pairs of each warp (kernels/pair_tile.cuh), and of those of a
/// block. Rows are read in fours; an odd number of fours puts lanes that write a column in
/// different banks.
constexpr int pair_window(int max_window) {
  return 4 * ((max_window + 3) / 4 | 1);
}
constexpr int pair_tile_bytes(int real_bytes, int max_window, bool backward) {
  const int reals = 4 + pair_window(max_window) + (backward ? 4 + pair_window(max_window) : 0);
  return warp_size * (reals * real_bytes + 4 * 4);
}

/// Pairs grouped by one of their ends: group g contains entries begin[g] ... end[g] - 1. An entry
/// is the pair itself if `pairs` is null.
struct Groups {
  const long long* begin;
  const long long* end;
  const int* pairs;
  const int* others; // (P,) atoms at the other ends of the entries
};

template <class T> struct RadialArguments {
  T cutoff;
  const T* inverse_mu;
  const T* sigma;
  const short* first; // (window_bins,)
  const short* count;
};

/// The loop over pairs that all interaction kernels share.
template <class T> struct PairArguments {
  RadialArguments<T> radial;
  Groups groups;
  long long n_groups;
  int share;            // warps of a group, 1 or all of a block: each takes every share-th pair
  const int* species;   // (n_atoms,) in the first block, where species replace the atoms
  const T* vectors;     // (P, 3)
  const T* projections; // (n, V, F), of senders
  int feature_begin;    // position of the F features in arrays of width A
};

template <class T> struct InvariantArguments {
  const T* scales[max_order]; // (A,)
  T epsilon;
};

template <class T> struct ForwardArguments {
  PairArguments<T> pairs;
  InvariantArguments<T> invariants;
  T* moments; // (n_receivers, C, A)
  T* out;     // (n_receivers, A), the invariants
};

/// The first block, where K = n_species V: radial moments of receivers from `first_receiver` on, or
/// pair gradients from theirs.
template <class T> struct RadialMomentArguments {
  PairArguments<T> pairs;
  long long first_receiver;
  int n_species, pass_species; // in total, and in the pass of blockIdx.y
  const double* mixing;        // (n_species, V, V)
  T* radial_moments;           // (n_groups, C, K), or their gradients
  T* vector_gradients;         // (P, 3), added to
};

/// out (n, A): the invariants.
template <class T> struct MomentInvariantsArguments {
  InvariantArguments<T> invariants;
  long long n;
  const T* moments; // (n, C, A)
  T* out;
};

/// Moments become the gradients with respect to them.
template <class T> struct MomentGradientArguments {
  InvariantArguments<T> invariants;
  const T* out_gradients; // (n, A)
  T* moments;             // (n, C, A)
  long long n;
};

/// The backward pass by sender; `projections` contains the senders from `first_group` on.
template <class T> struct SenderBackwardArguments {
  PairArguments<T> pairs;
  long long first_group;
  const T* moment_gradients; // (n_receivers, C, A)
  T* vector_gradients;       // (P, 3), added to
  T* projection_gradients;   // (n_groups, V, F)
};

/// The repulsion of nuclei closer than `reach`, at most; null arrays are not wanted.
template <class T> struct RepulsionArguments {
  long long n_receivers;
  Groups by_receiver;
  const int* species; // (n_atoms,)
  const T* vectors;   // (P, 3)
  double reach;
  int n_species;
  const RepulsionTerms* terms; // (n_species, n_species)
  double* energies;            // (n_receivers,), added to
  T* vector_gradients;         // (P, 3), added to
};

/// Forces (n_atoms, 3) from pair gradients. The first n_receivers atoms receive.
template <class T> struct ForcesArguments {
  long long n_atoms, n_receivers;
  Groups by_receiver, by_sender;
  const T* vector_gradients; // (P, 3)
  double scale;              // from eV/Å
  double* forces;
};

/// out = in, n values. Values outside [0, limit) become 0 and set the flag.
struct NarrowArguments {
  long long n;
  long long limit;
  const long long* in;
  int* out;
  int* flag;
};

/// Destroys results that must not be used: n values become NaN if the flag is set.
struct PoisonArguments {
  long long n;
  const int* flag;
  double* values;
};

} // namespace cuda
} // namespace hipnn_ts
