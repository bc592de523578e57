// SPDX-License-Identifier: BSD-3-Clause
//
// hipnn_ts::Network's counterpart on a device: the same steps, on the device's arrays. Nothing here
// synchronises with the device.
#pragma once

#include <functional>

#include "core/cuda/grids.hpp"
#include "core/cuda/weights.hpp"

namespace hipnn_ts {
namespace cuda {

/// The atoms and directed pairs of a step, on the device. Receivers are the first `n_receivers`
/// atoms; the others are ghosts, which only send.
template <class T> struct DeviceConfiguration {
  int64_t n_atoms;
  int64_t n_receivers;
  const int* species; // (n_atoms,)
  const T* vectors;   // (P, 3), r_sender - r_receiver
  Groups by_receiver; // n_receivers groups
  Groups by_sender;   // n_atoms groups
};

/// One step: begin, forward(0), forward(1), ..., backward(last), ..., backward(0).
///
/// Device, weights and configuration are borrowed: they must outlive the step. Rows of features
/// have the width `features_width`, zero-padded.
template <class T> class Network {
public:
  Network(Device& device, const DeviceWeights<T>& weights);

  void begin(const DeviceConfiguration<T>& configuration);

  /// The same as hipnn_ts::Network::forward; the last block's energies include those of the
  /// repulsion, and backward's first vector gradients include its gradients.
  void forward(int k, const T* features, T* out, double* energies);
  /// The same as hipnn_ts::Network::backward; returns the gradients (n_atoms, n_in) of the input
  /// features, none for the first block.
  Array<T> backward(int k, T* out_gradients, T* vector_gradients);
  /// The same as hipnn_ts::Network::forces, times `scale`.
  void forces(const T* vector_gradients, double scale, double* forces);

  int n_blocks() const { return static_cast<int>(weights_->blocks.size()); }
  /// Row length of the input features of block k > 0.
  int features_width(int k) const { return weights_->blocks[k].n_in; }

private:
  struct Kept {
    Array<T> moments;       // (n_receivers, C, A); for the first block only in small systems
    Array<T> slopes;        // (1 + n_atom_layers, n_receivers, A) for all but the last block
    Array<T> hidden;        // (n_receivers, A): invariants, at the end their gradients
    Array<T> own_gradients; // (n_atoms, n_in) for the last block: receivers' own contributions
    const T* features = nullptr;
  };
  /// Some of a block's receivers: rows of the arrays below begin with the first of them.
  struct Tile {
    int64_t n;
    const int* species;
    const T* features;
    T* hidden;
    T* out; // features, in the backward pass gradients; null in the last block
    T* slopes;
    int64_t slope_stride;
    double* energies;
    T* feature_gradients;
  };

  Module& module(int k) { return device_->module(weights_->blocks[k].wide.constants); }
  PairArguments<T> pairs(int k, int feature_begin, const T* projections) const;
  int share(int64_t n_groups) const { return n_groups <= limits_.shared_groups ? warps : 1; }
  InvariantArguments<T> invariants(int k) const;
  Tile tile(int k, int64_t first, int64_t n) const;
  void interaction_forward(int k, const T* features);
  void project(int k, const Passes<T>& passes, int pass, const T* features, int64_t n, T* out);
  OnSiteArguments<T> onsite(int k, const Tile& tile) const;
  int64_t mixed_atoms(int64_t n) const;
  Array<T> polynomials(int k, int64_t n, T* moments, Array<T>& inverse);
  void mix(int k, int64_t n, T* moments, T* hidden);
  void mix_backward(int k, int64_t n, T* moments, const T* hidden);
  void moment_gradients(int k, int64_t n, T* moments, const T* hidden);
  void onsite_forward(int k, const Tile& tile);
  void onsite_backward(int k, const Tile& tile);
  RadialMomentArguments<T> radial(int64_t first, int64_t n, const Array<T>& radial_moments) const;
  Grid radial_grid(int64_t n, bool forward) const;
  Array<T> first_moments(int64_t first, int64_t n);
  void first_forward();
  void first_backward(T* vector_gradients);
  void sender_backward(int k, T* feature_gradients, T* vector_gradients);
  void add_repulsion(double* energies, T* vector_gradients);

  Device* device_;
  Limits limits_;
  const DeviceWeights<T>* weights_;
  DeviceConfiguration<T> step_{};
  std::vector<Kept> kept_;
  Array<T> projections_; // (n_atoms, V, pass) of one pass
  int projected_ = -1;   // the block of those projections, if they are complete
};

/// A whole step: adds to energies (n_receivers,), in eV, and to vector gradients (P, 3). The latter
/// are requested halfway, when most of the forward pass's memory is free again.
template <class T>
void run_step(
    Device& device, Network<T>& network, const DeviceConfiguration<T>& configuration,
    double* energies, const std::function<T*()>& vector_gradients);

} // namespace cuda
} // namespace hipnn_ts
