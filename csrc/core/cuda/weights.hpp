// SPDX-License-Identifier: BSD-3-Clause
//
// A network's weights in the layout of the device's kernels: plain matrices, with widths
// zero-padded to whole passes of a warp.
#pragma once

#include "core/cuda/device.hpp"
#include "core/cuda/onsite_arguments.hpp"
#include "core/network.hpp"

namespace hipnn_ts {
namespace cuda {

/// y = x w + bias; w (n_in, n_out), both padded.
template <class T> struct DenseLayer {
  Array<T> weights, transposed, bias; // without data if there are none

  explicit operator bool() const { return weights.data() != nullptr; }
};

template <class T> struct DeviceRadial {
  T cutoff;
  Array<T> inverse_mu, sigma;
  Array<int16_t> first, count;

  RadialArguments<T> arguments() const {
    return {cutoff, inverse_mu.data(), sigma.data(), first.data(), count.data()};
  }
};

/// Consecutive features, as many as the constants say, and the projections' matrices of each pass:
/// (n_in, V pass); none in the first block.
template <class T> struct Passes {
  Constants constants;
  std::vector<Array<T>> projections;

  /// Length of an atom's projections.
  int64_t row() const { return int64_t{constants.n_sensitivities} * constants.pass(); }
};

/// For polynomial invariants; n_max is 0 if a network has norms.
template <class T> struct DevicePolynomials {
  int n_max, n_kinds, n_features; // K, and the number of features
  bool normalised;
  T epsilon;
  Array<T> mixing; // (K n_middle, n_middle)
};

template <class T> struct DeviceBlock {
  Passes<T> wide;   // the fastest
  Passes<T> narrow; // of one warp: for the forward pass if projections of all atoms are large
  int n_in, n_middle, n_out; // padded; the first block's n_in is the number of species
  bool residual;
  T cusp_regularisation, readout_bias;
  DeviceRadial<T> radial;
  /// For the first block, from SpeciesTable: L (n_species, V, V) and Q (n_species V, n_middle).
  Array<double> mixing;
  Array<T> radial_table;
  Array<T> scales[max_order], readout; // zeros for polynomials
  DevicePolynomials<T> polynomials;
  DenseLayer<T> self_interaction, outer, adjust;
  std::vector<DenseLayer<T>> inner, outers; // on-site layers
  Array<OnSiteLayer<T>> layers;             // (n_layers,), these as kernels read them

  int n_layers() const { return 1 + static_cast<int>(inner.size()); }
};

/// Weights on a device. In the first block self interaction and adjustment are tables, with a row
/// for each species.
template <class T> struct DeviceWeights {
  int n_components;
  int n_species;
  std::vector<DeviceBlock<T>> blocks;
  double reach;                    // of the repulsion
  Array<RepulsionTerms> repulsion; // (n_species, n_species), without data if there is none

  DeviceWeights(Device& device, const NetworkWeights<T>& host);
};

/// Next multiple of a warp.
inline int padded(int width) {
  return (width + warp_size - 1) / warp_size * warp_size;
}

} // namespace cuda
} // namespace hipnn_ts
