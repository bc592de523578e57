// SPDX-License-Identifier: BSD-3-Clause
//
// The kernels, on plain pointers. Symbols as in the documentation: P directed pairs, n atoms,
// C tensor components (1, 4 or 9: 1 | x y z | xx xy xz yy yz), V sensitivities, a features.
// All arrays are dense and row-major.
#pragma once

#include "core/pairs.hpp"

namespace hipnn_ts {

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
  const T* moments;         // (n_receivers, C, a), E or a gradient with respect to it
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
  const T* inverse_mu;        // (V,), y, monotonic, then eight readable values
  const T* sigma;             // likewise
  int n_threads;
};

/// Gradients with respect to the factors of sensitivities, or directions along them.
template <class T> struct SensitivityFactors {
  T* inverse_distances; // (P,)
  T* envelopes;         // (P,)
  T* inverse_mu;        // (V,)
  T* sigma;             // (V,)
};

/// Pairs whose gradients with respect to 1/mu and sigma are summed together: kernels want scratch
/// of (ceil(P / sensitivity_block), 2, V).
constexpr int64_t sensitivity_block = 1024;

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

/// One interaction layer for inference: geometry and sensitivities are computed from the vectors
/// inside the kernels, nothing of size pairs x features exists.
template <class T> struct InteractionProblem {
  Radial<T> radial;
  int n_features;
  PairGroups by_receiver;   // groups 0 ... n_receivers - 1
  PairGroups by_sender;     // only for the backward pass with respect to projections
  const int64_t* receivers; // (P,)
  const int64_t* rows;      // (P,) row of `projections`: the sender, or its species
  const T* vectors;         // (P, 3), r_sender - r_receiver
  const T* projections;     // (rows, V, a)
  T* scratch;               // (n_threads, scratch_size)
  int64_t scratch_size;     // at least Kernels::scratch_size
  int n_threads;
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

/// Everything of one block.
template <class T> struct BlockWeights {
  int n_in, n_middle, n_out, n_atom_layers;
  bool residual;
  T cusp_regularisation;
  Radial<T> radial;
  const T* table;         // (n_in, V, n_middle): projections of one-hot features
  Linear<T> projection;   // n_in -> V n_middle
  const T* vector_scales; // (n_middle,)
  const T* tensor_scales; // (n_middle,)
  Linear<T> self_interaction, outer, adjust;
  const OnSiteWeights<T>* onsite;
  const T* readout_weights; // (n_out,)
  T readout_bias;
};

/// What a block does to each atom by itself.
template <class T> struct OnSiteProblem {
  const BlockWeights<T>* weights;
  int64_t n_atoms;
  T* moments;           // (n, C, n_middle); the backward pass leaves their gradients, see Kernels
  const T* features;    // (n, n_in)
  T* out;               // (n, n_out) features; on the way back, in: their gradients
  T* slopes;            // (1 + n_atom_layers, n, n_middle) of the activations
  T* feature_gradients; // (n, n_in) or null
  double* energies;     // (n,), added to
  T* scratch;           // (n_threads, scratch_size)
  int64_t scratch_size; // at least Kernels::scratch_size
  int n_threads;
};

/// dz (n_senders, n_in) += dP W: where the gradient of an interaction layer's projections goes.
template <class T> struct FeatureGradients {
  Linear<T> projection;
  T* values;
};

/// One instruction set's kernels for one precision and one number of components.
template <class T> struct Kernels {
  /// out (n_receivers, C, a) = E.
  void (*moments)(const MomentsProblem<T>&, const PairGroups& by_receiver, T* out);
  /// out (P, C) = dE:G / dY with G in problem.moments.
  void (*components_gradient)(const MomentsProblem<T>&, const PairGroups& by_receiver, T* out);
  /// out (P, W) = dE:G / ds.
  void (*sensitivities_gradient)(const MomentsProblem<T>&, const PairGroups& by_receiver, T* out);
  /// out (n_senders, V, a) = dE:G / dP.
  void (*projections_gradient)(const MomentsProblem<T>&, const PairGroups& by_sender, T* out);

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

  /// moments (n_receivers, C, a) of an interaction layer.
  void (*interaction)(const InteractionProblem<T>&, T* moments);
  /// Adds dE/dr_p to vector_gradients (P, 3), given the gradient of the energy with respect to the
  /// moments as onsite_backward leaves it, (n_receivers, C, a). With S the gradient with respect to
  /// the symmetric traceless E2, its rows are dE/dE0 + S_zz | dE/dE1 | S_xx - S_zz, S_xy, S_xz,
  /// S_yy - S_zz, S_yz: the trace moved to where |u|^2 = 1 needs no product.
  void (*interaction_backward)(
      const InteractionProblem<T>&, const T* moment_gradients, T* vector_gradients);
  /// The same where projections come from features: adds to their gradients as well.
  void (*interaction_backward_to_features)(
      const InteractionProblem<T>&, const T* moment_gradients, T* vector_gradients,
      const FeatureGradients<T>&);

  /// Features, slopes and energies of a block from its moments.
  void (*onsite_forward)(const OnSiteProblem<T>&);
  /// Gradients of moments and features from those of `out`, the readout's added here.
  void (*onsite_backward)(const OnSiteProblem<T>&);
  /// Both for the last block, tile by tile: `out` and `slopes` are not used.
  void (*onsite_last)(const OnSiteProblem<T>&);
  /// y (n, n_out) = x (n, n_in) W^T.
  void (*contraction)(const Linear<T>&, int64_t n, const T* x, T* y, int n_threads);
  /// Values that each thread needs as scratch.
  int64_t (*scratch_size)(const BlockWeights<T>&);
};

/// The instruction set in use: the best one this processor has, or the one that the environment
/// variable HIPNN_TS_ISA names (plain, avx2, avx512). Throws std::runtime_error where that is not
/// known or not supported.
const char* instruction_set();

/// The kernels of that instruction set for C = n_components (1, 4 or 9).
template <class T> const Kernels<T>& kernels(int n_components);

} // namespace hipnn_ts
