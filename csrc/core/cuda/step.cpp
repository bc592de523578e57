// SPDX-License-Identifier: BSD-3-Clause
#include "core/cuda/network.hpp"

namespace hipnn_ts {
namespace cuda {

template <class T>
void run_step(
    Device& device, Network<T>& network, const DeviceConfiguration<T>& configuration,
    double* energies, T* vector_gradients) {
  network.begin(configuration);
  const int last = network.n_blocks() - 1;
  const auto rows = [&](int k) {
    return Array<T>(device, configuration.n_atoms * network.features_width(k));
  };
  std::vector<Array<T>> features(last + 1);
  for (int k = 0; k <= last; ++k) {
    if (k < last) {
      features[k + 1] = rows(k + 1);
    }
    network.forward(k, features[k].data(), k < last ? features[k + 1].data() : nullptr, energies);
  }
  Array<T> gradients;
  for (int k = last; k >= 0; --k) {
    Array<T> below = k > 0 ? rows(k) : Array<T>();
    network.backward(k, gradients.data(), below.data(), vector_gradients);
    features[k] = Array<T>();
    gradients = std::move(below);
  }
}

template void
run_step(Device&, Network<float>&, const DeviceConfiguration<float>&, double*, float*);
template void
run_step(Device&, Network<double>&, const DeviceConfiguration<double>&, double*, double*);

} // namespace cuda
} // namespace hipnn_ts
