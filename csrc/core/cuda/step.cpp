// SPDX-License-Identifier: BSD-3-Clause
#include "core/cuda/network.hpp"

namespace hipnn_ts {
namespace cuda {

template <class T>
void run_step(
    Device& device, Network<T>& network, const DeviceConfiguration<T>& configuration,
    double* energies, const std::function<T*()>& vector_gradients) {
  network.begin(configuration);
  const int last = network.n_blocks() - 1;
  std::vector<Array<T>> features(last + 1);
  for (int k = 0; k <= last; ++k) {
    if (k < last) {
      features[k + 1] = Array<T>(device, configuration.n_atoms * network.features_width(k + 1));
    }
    network.forward(k, features[k].data(), k < last ? features[k + 1].data() : nullptr, energies);
  }
  T* const of_vectors = vector_gradients();
  Array<T> gradients;
  for (int k = last; k >= 0; --k) {
    gradients = network.backward(k, gradients.data(), of_vectors);
    features[k] = Array<T>();
  }
}

template void run_step(
    Device&, Network<float>&, const DeviceConfiguration<float>&, double*,
    const std::function<float*()>&);
template void run_step(
    Device&, Network<double>&, const DeviceConfiguration<double>&, double*,
    const std::function<double*()>&);

} // namespace cuda
} // namespace hipnn_ts
