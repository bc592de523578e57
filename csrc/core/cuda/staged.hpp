// SPDX-License-Identifier: BSD-3-Clause
//
// hipnn_ts::Network on a device for a host that exchanges features between ranks in its own
// memory: every array that goes in or out is the host's.
#pragma once

#include "core/cuda/network.hpp"
#include "core/pairs.hpp"

namespace hipnn_ts {
namespace cuda {

/// The steps and arguments of hipnn_ts::Network. Each waits for the device.
template <class T> class HIPNN_TS_API StagedNetwork {
public:
  /// Weights of the members are copied, the device is borrowed.
  StagedNetwork(Device& device, const std::vector<NetworkWeights<T>>& members);

  void begin(const Configuration<T>& configuration);
  void choose(int member);
  void forward(int k, const T* features, T* out, double* energies);
  void last(const T* features, double* energies, T* feature_gradients, T* vector_gradients);
  void backward(int k, T* out_gradients, T* feature_gradients, T* vector_gradients);
  void forces(const T* vector_gradients, double* forces) const {
    sum_forces(by_receiver_.groups(), by_sender_.groups(), vector_gradients, n_threads_, forces);
  }

  int n_blocks() const { return network_.n_blocks(); }
  /// Memory of the arrays kept on the device between calls.
  int64_t bytes() const;

private:
  /// One block of the device's network; `made` and `above` are null for the last.
  void there(int k, const T* features, T* made, double* energies);
  void back(int k, T* above, T* feature_gradients, T* vector_gradients);
  /// Rows of `width` values from the host, widened with zeros to the device's rows.
  Array<T> widened(const T* rows, int64_t n, int width) const;
  /// And back.
  void narrowed(const Array<T>& from, int64_t n, int width, T* rows) const;

  Device* device_;
  std::vector<DeviceWeights<T>> members_;
  std::vector<int> widths_; // of the features that enter each block, as the host has them
  Network<T> network_;
  int64_t n_atoms_ = 0, n_receivers_ = 0, n_pairs_ = 0;
  int n_threads_ = 1;
  PairGrouping by_receiver_, by_sender_;
  struct Grouped {
    Array<long long> offsets;
    Array<int> pairs, others;
  };
  Grouped upload(const PairGroups& groups, const int32_t* other_ends) const;
  Grouped received_, sent_;
  DeviceConfiguration<T> configuration_{}; // of the arrays here
  Array<int> species_;
  Array<T> vectors_, vector_gradients_;
  std::vector<Array<T>> features_; // that entered each block
};

} // namespace cuda
} // namespace hipnn_ts
