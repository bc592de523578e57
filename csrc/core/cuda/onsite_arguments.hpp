// SPDX-License-Identifier: BSD-3-Clause
//
// The arguments of the kernels of the on-site layers; see arguments.hpp.
#pragma once

#include "arguments.hpp"

namespace hipnn_ts {
namespace cuda {

constexpr int onsite_warps = 8;  // of a block
constexpr int onsite_depth = 16; // rows of a matrix that are loaded at once

/// Shared memory of a block whose warps have `rows` rows each, in `n_arrays` of this width.
constexpr int onsite_bytes(int rows, int n_arrays, int width, int real_bytes) {
  const int passing = rows == 1 ? onsite_warps * onsite_warps : 2 * onsite_depth;
  return real_bytes * (n_arrays * onsite_warps * rows * (width + 4) + passing * 4 * warp_size);
}

/// h = softplus(x inner + inner_bias), stream = h outer + outer_bias, plus itself if the block has
/// a residual path; without one it is h. The first layer's `inner` is the self interaction, to
/// which the invariants are added: a table in the first block. Matrices have their transposes
/// beside them.
template <class T> struct OnSiteLayer {
  const T *inner, *inner_transposed, *inner_bias;
  const T *outer, *outer_transposed, *outer_bias;
};

/// A block's on-site layers for n atoms, forward or backward.
template <class T> struct OnSiteArguments {
  long long n;
  int n_in, n_middle, n_out, n_layers, width; // the widest of the three
  bool residual;
  const OnSiteLayer<T>* layers;        // (n_layers,)
  const T *adjust, *adjust_transposed; // of the residual path; null if it is the features
  const int* species;                  // (n,)
  const T*
      features; // (n, n_in), or null: the first block, where tables have a row for each species
  T* hidden;    // (n, n_middle) invariants; in the backward pass their gradients
  T* slopes;    // (n_layers, n, n_middle) of the activations
  long long slope_stride;
  const T* readout; // (n_out,)
  T readout_bias;
  T* out;               // (n, n_out) features; in the backward pass their gradients, or null
  double* energies;     // (n,), added to
  T* feature_gradients; // (n, n_in) or null
};

} // namespace cuda
} // namespace hipnn_ts
