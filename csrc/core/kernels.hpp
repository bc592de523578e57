// SPDX-License-Identifier: BSD-3-Clause
//
// The kernels, on plain pointers. Symbols as in the documentation: P directed pairs, n atoms,
// C tensor components (core/components.hpp), V sensitivities, a features.
// All arrays are dense and row-major.
#pragma once

#include "core/components.hpp"
#include "core/pairs.hpp"
#include "core/stages.hpp"
#include "core/tiles.hpp"

namespace hipnn_ts {

/// A direction in the space of the form's factors; shapes as theirs.
template <class T> struct MomentsDirection {
  const T* components;
  const T* sensitivities;
  const T* projections; // or null: they stay
};

/// The trilinear form E_i,c,a = sum_p Y_p,c sum_w s_p,w P_j,v,a with v = first_p + w, w < count_p:
/// sensitivities are stored as one window of at most W consecutive v per pair.
template <class T> struct MomentsProblem {
  int64_t n_receivers;
  int64_t n_senders;
  int n_sensitivities;
  int window;
  int n_features;
  const int64_t* receivers; // (P,)
  const int64_t* senders;   // (P,)
  const int32_t* first;     // (P,)
  const int32_t* count;     // (P,)
  const T* components;      // (P, C), Y
  const T* sensitivities;   // (P, W), s
  const T* projections;     // (n_senders, V, a), P
  const T* moments;         // (n_receivers, C, a), G, a gradient with respect to E
  MomentsDirection<T> along;
  int n_threads;
};

/// Which sensitivities matter at some distances: those with |z| below `reach`.
template <class T> struct WindowsProblem {
  int64_t n_pairs;
  int n_sensitivities;
  T reach;
  const T* distances;  // (P,)
  const T* inverse_mu; // (V,), monotonic
  const T* sigma;      // (V,)
  int32_t* first;      // (P,), written
  int32_t* count;      // (P,), written
  int n_threads;
};

/// Sensitivities of many pairs for training: s_p,w = c_p exp(-z^2/2), z = (x_p - y_v) sigma_v with
/// v = first_p + w, w < count_p.
template <class T> struct SensitivitiesProblem {
  int64_t n_pairs;
  int n_sensitivities;
  int window;
  const int32_t* first;       // (P,)
  const int32_t* count;       // (P,)
  const T* inverse_distances; // (P,), x
  const T* envelopes;         // (P,), c: cos^2(pi r / 2R)
  const T* inverse_mu;        // (V,), y, monotonic, then sensitivity_padding values
  const T* sigma;             // likewise
  int n_threads;
};

/// Gradients with respect to the factors of sensitivities, or directions along them; those then
/// readable as far as the factors.
template <class T> struct SensitivityFactors {
  T* inverse_distances; // (P,)
  T* envelopes;         // (P,)
  T* inverse_mu;        // (V,)
  T* sigma;             // (V,)
};

/// Pairs whose gradients with respect to 1/mu and sigma are summed together: kernels want scratch
/// of (ceil(P / sensitivity_block), 2, V + sensitivity_padding).
constexpr int64_t sensitivity_block = 1024;

/// Values that kernels may read, and for scratch write, beyond the last sensitivity.
constexpr int64_t sensitivity_padding = 8;

/// Vectors of pairs, none of them zero.
template <class T> struct GeometryProblem {
  int64_t n_pairs;
  T cutoff;
  const T* vectors; // (P, 3)
  int n_threads;
};

/// What is made of them, gradients with respect to that, or how it changes.
template <class T> struct GeometryFactors {
  T* distances;         // (P,)
  T* inverse_distances; // (P,)
  T* envelopes;         // (P,)
  T* components;        // (P, C)
};

/// Invariants E0 + sum_l t_l sqrt(|E_l|^2 + eps) of moments.
template <class T> struct InvariantsProblem {
  int64_t n_atoms;
  int n_features;
  T cusp_regularisation;
  const T* moments; // (n, C, a)
  const T* scales;  // (l_max, a), t_1, t_2 ...
  int n_threads;
};

/// Gradients with respect to what goes into invariants, or directions along it.
template <class T> struct InvariantsFactors {
  T* moments;
  T* scales;
};

/// Atoms whose gradients with respect to the scales are summed together: kernels want scratch of
/// (ceil(n / invariants_block), l_max, a).
constexpr int64_t invariants_block = 64;

/// Polynomial invariants of moments, with at most n_max factors.
template <class T> struct PolynomialsProblem {
  int64_t n_atoms;
  int n_features;
  int n_max;
  const T* moments; // (n, C, a)
  int n_threads;
};

/// Bins of equal width over [0, cutoff] in the table of active sensitivities.
constexpr int window_bins = 1024;

/// Radial sensitivities of one interaction layer for inference: sorted by centre, with a table of
/// which of them matter at a distance.
template <class T> struct Radial {
  int n_sensitivities;
  T cutoff;
  const T* inverse_mu;  // (V,), monotonic, then eight readable values
  const T* sigma;       // likewise
  const int16_t* first; // (window_bins,)
  const int16_t* count; // (window_bins,)
};

/// Columns of a packed weight panel. One value for all instruction sets, so that packed weights can
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
  int n_max;       // factors; 0 where a network has norms
  bool normalised; // each kind, over an atom's features
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

/// One block of the network during inference. Geometry and sensitivities are computed from the
/// vectors inside the kernels, nothing of size pairs x features exists. Work comes as tiles of
/// consecutive atoms, one thread each.
template <class T> struct BlockProblem {
  const BlockWeights<T>* weights;
  int64_t n_receivers, n_atoms;
  PairGroups by_receiver, by_sender;
  const int32_t* receivers; // (P,)
  const int32_t* senders;   // (P,)
  const T* vectors;         // (P, 3), r_sender - r_receiver
  T* vector_gradients;      // (P, 3), added to

  // The first block: weights of the species that are there, K = (number of them) V, as SpeciesTable
  // makes them.
  Linear<T> table;        // K -> n_middle
  const double* mixing;   // (number of species, V, V)
  const int32_t* species; // (n_atoms,), which of them
  T* radial_moments;      // (n_receivers, C, K)

  // The others. Rows of tiles are consecutive, tiles may be anywhere.
  T* projections;                 // (rows, V, n_middle)
  const int32_t* projection_rows; // (n_atoms,)
  const ReceiverRange* visiting;  // of each tile, for which receivers backward_senders sees its
                                  // pairs; null for all
  T* moments;                     // (rows, C, n_middle); on the way back their gradients
  const int32_t* moment_rows;     // (n_receivers,)

  const T* features;    // (n_atoms, n_in) that entered the block; one-hot species for the first
  T* feature_gradients; // (n_atoms, n_in) or null
  T* out;               // (n_receivers, n_out) features; on the way back, in: their gradients
  T* slopes;            // (1 + n_atom_layers, n_receivers, n_middle) of the activations
  double* energies;     // (n_receivers,), added to

  int tile_size;         // at most max_tile_size
  T* scratch;            // (n_threads, scratch_size)
  int64_t scratch_size;  // at least Kernels::scratch_size
  StageSeconds* seconds; // (n_threads,), added to
  int n_threads;
};

template <class T>
using MomentsKernel = void (*)(const MomentsProblem<T>&, const PairGroups&, T* out);
template <class T>
using PairGradientsKernel =
    void (*)(const MomentsProblem<T>&, const PairGroups&, T* components, T* sensitivities);

/// One instruction set's kernels for one precision and one number of components.
template <class T> struct Kernels {
  /// out (n_receivers, C, a) = E, or how it changes `along` the direction.
  MomentsKernel<T> moments, moments_change;
  /// Gradients of E:G with respect to Y (P, C) and s (P, W), null where not wanted; or their
  /// change.
  PairGradientsKernel<T> pair_gradients, pair_gradients_change;
  /// out (n_senders, V, a), gradient of E:G with respect to P; or its change.
  MomentsKernel<T> projections_gradient, projections_gradient_change;

  /// Distances, their inverses, envelopes and components; the gradient (P, 3) with respect to the
  /// vectors; how the four change along k (P, 3); the gradient of the first gradient's product with
  /// k.
  void (*geometry)(const GeometryProblem<T>&, const GeometryFactors<T>& out);
  void (*geometry_backward)(
      const GeometryProblem<T>&, const GeometryFactors<const T>& gradients, T* out);
  void (*geometry_change)(const GeometryProblem<T>&, const T* k, const GeometryFactors<T>& out);
  void (*geometry_double_backward)(
      const GeometryProblem<T>&, const GeometryFactors<const T>& gradients, const T* k, T* out);

  /// out (n, a); gradients for g (n, a); the gradients, with respect to g and the factors, of the
  /// product of those with k.
  void (*invariants)(const InvariantsProblem<T>&, T* out);
  void (*invariants_backward)(
      const InvariantsProblem<T>&, const T* g, const InvariantsFactors<T>& out, T* scratch);
  void (*invariants_double_backward)(
      const InvariantsProblem<T>&, const T* g, const InvariantsFactors<const T>& k, T* g_gradient,
      const InvariantsFactors<T>& out, T* scratch);

  /// out (n, K, a); gradients (n, C, a) for g (n, K, a); the gradients, with respect to g and the
  /// moments, of the product of those with k (n, C, a).
  void (*polynomials)(const PolynomialsProblem<T>&, T* out);
  void (*polynomials_backward)(const PolynomialsProblem<T>&, const T* g, T* out);
  void (*polynomials_double_backward)(
      const PolynomialsProblem<T>&, const T* g, const T* k, T* g_gradient, T* out);

  /// The smallest windows that leave nothing out that matters.
  void (*active_windows)(const WindowsProblem<T>&);
  /// out (P, W) = s, zero beyond a pair's count.
  void (*sensitivities)(const SensitivitiesProblem<T>&, T* out);
  /// Gradients of sum h s, h (P, W).
  void (*sensitivities_backward)(
      const SensitivitiesProblem<T>&, const T* h, const SensitivityFactors<T>& gradients,
      T* scratch);
  /// Gradients, with respect to h (P, W) and the factors, of the product of those with `k`.
  void (*sensitivities_double_backward)(
      const SensitivitiesProblem<T>&, const T* h, const SensitivityFactors<const T>& k,
      T* h_gradient, const SensitivityFactors<T>& gradients, T* scratch);

  /// The first block: radial moments, features, slopes and energies of tiles of receivers.
  void (*forward_first)(const BlockProblem<T>&, TileList receivers);
  /// Back through it: adds to vectors' gradients.
  void (*backward_first)(const BlockProblem<T>&, TileList receivers);
  /// Both at once where there is no other block; `out` and `slopes` are not used.
  void (*only_block)(const BlockProblem<T>&, TileList receivers);
  /// Values that each thread needs as scratch for the first block, `n_radial_moments` wide.
  int64_t (*first_scratch_size)(const BlockWeights<T>&, int n_radial_moments);

  /// The others. Projections of tiles of senders.
  void (*project)(const BlockProblem<T>&, TileList senders);
  /// Features, slopes, moments and energies of tiles of receivers.
  void (*forward)(const BlockProblem<T>&, TileList receivers);
  /// The same for the last block, and the way back through its on-site layers at once: moments
  /// become their gradients, the on-site layers' share is added to feature gradients; `out` and
  /// `slopes` are not used.
  void (*forward_last)(const BlockProblem<T>&, TileList receivers);
  /// Back likewise through the on-site layers of another one.
  void (*backward_onsite)(const BlockProblem<T>&, TileList receivers);
  /// Back through the pairs: adds to vectors' and features' gradients, given the moments' gradients
  /// of all receivers of these tiles. Projections are computed anew in the tile where `project`
  /// says that they are not kept.
  ///
  /// The moment gradients that this reads come from the on-site passes, in the form of
  /// `write_reduced` (core/components.hpp).
  void (*backward_senders)(const BlockProblem<T>&, TileList senders, bool project);
  /// Values that each thread needs as scratch for these.
  int64_t (*scratch_size)(const BlockWeights<T>&);
};

/// The instruction set in use: the best one this processor has, or the one that the environment
/// variable HIPNN_TS_ISA names (plain, avx2, avx512). Throws std::runtime_error where that is not
/// known or not supported.
const char* instruction_set();

/// The kernels of that instruction set for C = n_components, which order_of must know.
template <class T> const Kernels<T>& kernels(int n_components);

} // namespace hipnn_ts
