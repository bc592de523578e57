// SPDX-License-Identifier: BSD-3-Clause
//
// The kernels of inference, on plain pointers. Symbols as in the documentation: P directed pairs, n
// atoms, C tensor components (core/components.hpp), V sensitivities, a features. All arrays are
// dense and row-major.
#pragma once

#include "core/components.hpp"
#include "core/pairs.hpp"
#include "core/stages.hpp"
#include "core/tiles.hpp"
#include "core/uncertainty.hpp"

namespace hipnn_ts {

/// Bins of equal width over [0, cutoff] in the table of active sensitivities.
constexpr int window_bins = 1024;

/// Radial sensitivities of one interaction layer for inference: sorted by centre, with a table of
/// those that matter at each distance.
template <class T> struct Radial {
  int n_sensitivities;
  T cutoff;
  const T* inverse_mu;  // (V,), monotonic, then eight readable values
  const T* sigma;       // likewise
  const int16_t* first; // (window_bins,)
  const int16_t* count; // (window_bins,)
};

/// Columns of a packed weight panel. All instruction sets use one value, so that packed weights can
/// be stored.
constexpr int panel_width = 32;

/// y = W x + b with W (n_out, n_in) packed for both directions: `forward` as panels of the columns
/// of W^T, ceil(n_out / panel_width) x n_in x panel_width, zero-padded; `backward` likewise of W.
template <class T> struct Linear {
  int n_in, n_out;
  const T* forward;
  const T* backward;
  const T* bias; // (n_out,) or null
};

template <class T> struct OnSiteWeights {
  Linear<T> inner, outer;
};

/// t_1, t_2 ... (n_middle,); null beyond l_max.
template <class T> struct OrderScales {
  const T* of[max_order];
};

/// Polynomial invariants of K kinds: `mixing`, K n_middle -> n_middle.
template <class T> struct PolynomialWeights {
  int n_max;       // number of factors; 0 if a network has norms
  bool normalised; // of each kind, over the features of an atom
  T epsilon;       // added to the variance
  Linear<T> mixing;
};

/// Everything of one block.
template <class T> struct BlockWeights {
  int n_in, n_middle, n_out, n_atom_layers;
  bool residual;
  T cusp_regularisation;
  Radial<T> radial;
  const T* table;        // (n_in, V, n_middle): projections of one-hot features
  Linear<T> projection;  // n_in -> V n_middle
  OrderScales<T> scales; // of norms
  PolynomialWeights<T> polynomials;
  Linear<T> self_interaction, outer, adjust;
  const OnSiteWeights<T>* onsite;
  const T* readout_weights; // (n_out,)
  T readout_bias;
};

/// One block of the network during inference. The kernels compute geometry and sensitivities from
/// the vectors; nothing of size pairs x features exists. Work comes as tiles of consecutive atoms,
/// one thread each.
template <class T> struct BlockProblem {
  const BlockWeights<T>* weights;
  int64_t n_receivers, n_atoms;
  PairGroups by_receiver, by_sender; // in the order of PairOrder, by index
  const int32_t* receivers;          // (P,)
  const int32_t* senders;            // (P,)
  const T* vectors;                  // (P, 3), r_sender - r_receiver
  T* vector_gradients;               // (P, 3), added to

  // The first block: weights of the species that are present, K = (number of them) V, from
  // SpeciesTable.
  Linear<T> table;        // K -> n_middle
  const double* mixing;   // (number of species, V, V)
  const int32_t* species; // (n_atoms,), index among these species
  T* radial_moments;      // (n_receivers, C, K)

  // The other blocks. Rows of a tile are consecutive, and tiles may be anywhere.
  T* projections;                 // (rows, V, n_middle)
  const int32_t* projection_rows; // (n_atoms,)
  const ReceiverRange* visiting;  // of each tile, the receivers whose pairs
                                  // backward_senders visits; null for all
  T* moments;                     // (rows, C, n_middle); in the backward pass their gradients
  const int32_t* moment_rows;     // (n_receivers,)

  const T* features;    // (n_atoms, n_in) that entered the block; one-hot species for the first
  T* feature_gradients; // (n_atoms, n_in) or null
  T* out;               // (n_receivers, n_out) features; in the backward pass, in: their gradients
  T* slopes;            // (1 + n_atom_layers, n_receivers, n_middle) of the activations
  double* energies;     // (n_receivers,), added to

  int tile_size;         // at most max_tile_size
  T* scratch;            // (n_threads, scratch_size)
  int64_t scratch_size;  // at least Kernels::scratch_size
  StageSeconds* seconds; // (n_threads,), added to
  int n_threads;
};

/// One instruction set's kernels for one precision and one number of components.
template <class T> struct Kernels {
  /// The first block: radial moments, features, slopes and energies of tiles of receivers.
  void (*forward_first)(const BlockProblem<T>&, TileList receivers);
  /// Backward pass through it: adds to vectors' gradients.
  void (*backward_first)(const BlockProblem<T>&, TileList receivers);
  /// Both at once if there is no other block. Features are written if `out` is not null; `slopes`
  /// are not used.
  void (*only_block)(const BlockProblem<T>&, TileList receivers);
  /// Values that each thread needs as scratch for the first block, `n_radial_moments` wide.
  int64_t (*first_scratch_size)(const BlockWeights<T>&, int n_radial_moments);

  /// The other blocks. Projections of tiles of senders.
  void (*project)(const BlockProblem<T>&, TileList senders);
  /// Features, slopes, moments and energies of tiles of receivers.
  void (*forward)(const BlockProblem<T>&, TileList receivers);
  /// The same for the last block, together with the backward pass through its on-site layers:
  /// moments become their gradients, and the contribution of the on-site layers is added to feature
  /// gradients. Features are written if `out` is not null; `slopes` are not used.
  void (*forward_last)(const BlockProblem<T>&, TileList receivers);
  /// Backward pass through the on-site layers of another block.
  void (*backward_onsite)(const BlockProblem<T>&, TileList receivers);
  /// Backward pass through the pairs: adds to vectors' and features' gradients, given the moment
  /// gradients of all receivers of these tiles. Projections are recomputed in the tile if `project`
  /// says that they are not kept.
  ///
  /// The on-site passes write the moment gradients that this reads, in the form of `write_reduced`
  /// (core/components.hpp).
  void (*backward_senders)(const BlockProblem<T>&, TileList senders, bool project);
  /// Values that each thread needs as scratch for these.
  int64_t (*scratch_size)(const BlockWeights<T>&);

  /// Distances of atoms of one element from those of the training data.
  void (*distances)(const DistanceProblem<T>&);
};

/// Values that `distances` needs as scratch for this number of features.
constexpr int64_t distance_scratch_size(int n_features) {
  return int64_t{max_tile_size} * (n_features + panel_width);
}

/// The kernels of the instruction set in use for C = n_components, which order_of must know.
template <class T> const Kernels<T>& kernels(int n_components);

} // namespace hipnn_ts
