// SPDX-License-Identifier: BSD-3-Clause
//
// What the training kernels are given; see arguments.hpp.
#pragma once

#include "arguments.hpp"

namespace hipnn_ts {
namespace cuda {

/// MomentsProblem (core/kernels.hpp); what is not a factor of the result is null.
template <class T> struct MomentsArguments {
  long long n_pairs;
  long long n_groups; // of pairs by receiver for the moments, by sender for the projections
  int n_sensitivities, window, n_features;
  Groups groups;
  const long long* receivers; // (P,)
  const long long* senders;   // (P,)
  const int* first;           // (P,)
  const int* count;           // (P,)
  const T* components;        // (P, C)
  const T* sensitivities;     // (P, W)
  const T* projections;       // (n_senders, V, a)
  const T* moments;           // (n_receivers, C, a)
  T* out;
};

/// Values, gradients or directions for each factor of the sensitivities.
template <class T> struct FactorArguments {
  T* inverse_distances; // (P,)
  T* envelopes;         // (P,)
  T* inverse_mu;        // (V,)
  T* sigma;             // (V,)
};

/// Pairs whose shares of the gradients by sensitivity a warp sums.
constexpr int sensitivity_pairs = 1024;

/// SensitivitiesProblem (core/kernels.hpp) and its derivatives.
template <class T> struct SensitivitiesArguments {
  long long n_pairs;
  int n_sensitivities, window;
  const int* first;
  const int* count;
  FactorArguments<const T> factors;
  const T* gradient;                   // (P, W), h
  FactorArguments<const T> directions; // k, of the double backward pass
  T* out;                              // (P, W): s, or the gradient with respect to h
  FactorArguments<T> gradients;        // its last two (warps, V), summed afterwards
};

/// out (n,) = sums of the rows of parts (rows, n), in their order.
template <class T> struct SumRowsArguments {
  long long n, rows;
  const T* parts;
  T* out;
};

template <class T> struct WindowsArguments {
  long long n_pairs;
  int n_sensitivities;
  T reach;
  const T* distances;
  const T* inverse_mu;
  const T* sigma;
  int* first;
  int* count;
};

} // namespace cuda
} // namespace hipnn_ts
