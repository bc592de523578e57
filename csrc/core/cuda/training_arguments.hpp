// SPDX-License-Identifier: BSD-3-Clause
//
// The arguments of the training kernels; see arguments.hpp.
#pragma once

#include "arguments.hpp"

namespace hipnn_ts {
namespace cuda {

/// A pair in the layout of the kernels of moments, read 16 bytes at once.
struct alignas(16) PairRecord {
  int pair, other, first, count; // `other`: the end by which the pair is not grouped
};

/// Group g contains the records begin[g] ... begin[g + 1] - 1.
struct GroupedPairs {
  const long long* begin;
  const PairRecord* records;
};

/// Writes the records, in the sorted orders, and checks every index.
template <class T> struct RecordsArguments {
  long long n_pairs, n_receivers, n_senders;
  int n_sensitivities, window;
  const long long* receivers; // (P,)
  const long long* senders;   // (P,)
  const int* first;           // (P,)
  const int* count;           // (P,)
  const int* receiver_order;  // (P,)
  const int* sender_order;    // (P,)
  PairRecord* by_receiver;    // (P,)
  PairRecord* by_sender;      // (P,)
  T* start;                   // becomes NaN if an index is out of range
};

/// Factors of the form, or directions for them; null is zero.
template <class T> struct FormFactors {
  const T* components;    // (P, C)
  const T* sensitivities; // (P, W)
  const T* projections;   // (n_senders, V, a)
};

/// MomentsProblem (core/kernels.hpp).
template <class T> struct MomentsArguments {
  GroupedPairs pairs; // by receiver, or by sender for the projections' gradient
  int n_sensitivities, window, n_features;
  int n_chunks; // of projection_chunk sensitivities
  FormFactors<T> factors, along;
  const T* moments; // (n_receivers, C, a)
  const T* start;   // initial value of all sums: 0, or NaN if an index is out of range
  T* out;           // the moments or the gradient of the projections
  T* components;    // their gradients, or null
  T* sensitivities;
};

/// Number of sensitivities whose gradient of the projections a block sums in shared memory.
constexpr int projection_chunk = 24;

/// Values, gradients or directions for each factor of the sensitivities.
template <class T> struct FactorArguments {
  T* inverse_distances; // (P,)
  T* envelopes;         // (P,)
  T* inverse_mu;        // (V,)
  T* sigma;             // (V,)
};

/// Number of pairs whose contributions to the gradients by sensitivity a warp sums.
constexpr int sensitivity_pairs = 128;

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
  T* distance_gradients;               // (P,)
  T* envelope_gradients;               // (P,)
  T* shared_gradients;                 // (warps, 2, V), summed afterwards
};

/// Sums of parts (rows, n_arrays, n) over the rows: as many arrays (n,), or null.
template <class T> struct SumRowsArguments {
  static constexpr int most = 2;

  long long n, n_arrays, rows;
  const T* parts;
  T* out[most];
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

/// Values, gradients or directions for the results of the geometry of pairs.
template <class T> struct GeometryFactorArguments {
  T* distances;         // (P,)
  T* inverse_distances; // (P,)
  T* envelopes;         // (P,)
  T* components;        // (P, C)
};

/// GeometryProblem (core/kernels.hpp) and its derivatives.
template <class T> struct GeometryArguments {
  long long n_pairs;
  T cutoff;
  const T* vectors;                           // (P, 3)
  GeometryFactorArguments<const T> gradients; // of the backward passes
  const T* directions;                        // (P, 3), of the double backward pass
  GeometryFactorArguments<T> out;             // values, or the change of gradients
  T* vector_gradients;                        // (P, 3), or null
};

/// moments (n, C, a), scales (l_max, a).
template <class T> struct InvariantsFactorArguments {
  T* moments;
  T* scales;
};

/// Number of atoms whose contributions to the scales' gradients a warp sums.
constexpr int invariant_atoms = 16;

/// InvariantsProblem (core/kernels.hpp) and its derivatives.
template <class T> struct TrainingInvariantsArguments {
  long long n_atoms;
  int n_features;
  T cusp_regularisation;
  InvariantsFactorArguments<const T> factors;
  const T* gradient;                             // (n, a)
  InvariantsFactorArguments<const T> directions; // of the double backward pass
  T* out;                                        // (n, a)
  T* moment_gradients;                           // (n, C, a)
  T* scale_gradients;                            // (warps, l_max, a), summed afterwards
};

} // namespace cuda
} // namespace hipnn_ts
