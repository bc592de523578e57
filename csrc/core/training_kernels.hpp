// SPDX-License-Identifier: BSD-3-Clause
//
// The kernels of training, operator by operator, with their derivatives. Symbols and arrays as in
// core/kernels.hpp.
#pragma once

#include <cmath>
#include <limits>

#include "core/kernels.hpp"

namespace hipnn_ts {

/// A direction in the space of the form's factors, with the same shapes.
template <class T> struct MomentsDirection {
  const T* components;
  const T* sensitivities;
  const T* projections; // or null for zero
};

/// The trilinear form E_i,c,a = sum_p Y_p,c sum_w s_p,w P_j,v,a with v = first_p + w, w < count_p:
/// each pair stores its sensitivities as one window of at most W consecutive v.
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

/// The |z| beyond which a Gaussian is below the machine epsilon.
template <class T> T sensitivity_reach() {
  return std::sqrt(-2 * std::log(std::numeric_limits<T>::epsilon()));
}

/// The sensitivities that matter at given distances: those with |z| below `reach`.
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

/// Gradients with respect to the factors of sensitivities, or directions along them; directions are
/// readable as far as the factors.
template <class T> struct SensitivityFactors {
  T* inverse_distances; // (P,)
  T* envelopes;         // (P,)
  T* inverse_mu;        // (V,)
  T* sigma;             // (V,)
};

/// Values beyond the last sensitivity that kernels may read, and for scratch write.
constexpr int64_t sensitivity_padding = 8;

/// Number of pairs whose gradients with respect to 1/mu and sigma are summed together: kernels need
/// scratch of (ceil(P / sensitivity_block), 2, V + sensitivity_padding).
constexpr int64_t sensitivity_block = 1024;

/// Vectors of pairs, none of them zero.
template <class T> struct GeometryProblem {
  int64_t n_pairs;
  T cutoff;
  const T* vectors; // (P, 3)
  int n_threads;
};

/// Values computed from them, gradients with respect to these, or their change.
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

/// Gradients with respect to the inputs of invariants, or directions along them.
template <class T> struct InvariantsFactors {
  T* moments;
  T* scales;
};

/// Number of atoms whose gradients with respect to the scales are summed together: kernels need
/// scratch of (ceil(n / invariants_block), l_max, a).
constexpr int64_t invariants_block = 64;

/// Polynomial invariants of moments, with at most n_max factors.
template <class T> struct PolynomialsProblem {
  int64_t n_atoms;
  int n_features;
  int n_max;
  const T* moments; // (n, C, a)
  int n_threads;
};

template <class T>
using MomentsKernel = void (*)(const MomentsProblem<T>&, const PairGroups&, T* out);
template <class T>
using PairGradientsKernel =
    void (*)(const MomentsProblem<T>&, const PairGroups&, T* components, T* sensitivities);

/// One instruction set's kernels for one precision and one number of components.
template <class T> struct TrainingKernels {
  /// out (n_receivers, C, a) = E, or its change `along` the direction.
  MomentsKernel<T> moments, moments_change;
  /// Gradients of E:G with respect to Y (P, C) and s (P, W), null if not wanted; or their change.
  PairGradientsKernel<T> pair_gradients, pair_gradients_change;
  /// out (n_senders, V, a), gradient of E:G with respect to P; or its change.
  MomentsKernel<T> projections_gradient, projections_gradient_change;

  /// Distances, their inverses, envelopes and components; the gradient (P, 3) with respect to the
  /// vectors; the change of the four along k (P, 3); the gradient of the product of the first
  /// gradient with k.
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

  /// The smallest windows that contain all sensitivities that matter.
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
};

/// The kernels of the instruction set in use for C = n_components, which order_of must know.
template <class T> const TrainingKernels<T>& training_kernels(int n_components);

} // namespace hipnn_ts
