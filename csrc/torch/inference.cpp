// SPDX-License-Identifier: BSD-3-Clause
//
// Energies and pair gradients of a whole packed network, without autograd.
#include <ATen/Parallel.h>
#include <torch/library.h>

#include <algorithm>

#include "torch/checks.hpp"
#include "torch/inference.hpp"
#include "torch/packed.hpp"

namespace hipnn_ts {
namespace {

using at::Tensor;

/// Grow-only buffers of this thread. Contents live for one call only, so contexts of one host
/// thread may share them.
template <class T> struct Workspace {
  std::vector<Buffer<T>> features, gradients;
};

template <class T> Workspace<T>& workspace() {
  static thread_local Workspace<T> w;
  return w;
}

} // namespace

template <class T>
void evaluate(
    const NetworkWeights<T>& weights, const Configuration<T>& configuration, double* energies,
    T* pair_gradients, double* forces) {
  static thread_local std::unique_ptr<Network<T>> network;
  if (network) {
    network->use(weights);
  } else {
    network = std::make_unique<Network<T>>(weights);
  }
  const int64_t n = configuration.n_atoms;
  std::fill_n(energies, n, 0.0);
  std::fill_n(pair_gradients, 3 * configuration.n_pairs, T(0));
  network->begin(configuration);
  const int last = network->n_blocks() - 1;
  Workspace<T>& w = workspace<T>();
  w.features.resize(last);
  w.gradients.resize(last);
  for (int k = 0; k <= last; ++k) {
    T* out = k < last ? w.features[k].resize(n * weights.blocks[k].n_out) : nullptr;
    network->forward(k, k ? w.features[k - 1].data() : nullptr, out, energies);
  }
  for (int k = last; k >= 0; --k) {
    T* in = k ? w.gradients[k - 1].resize(n * weights.blocks[k].n_in) : nullptr;
    network->backward(k, k < last ? w.gradients[k].data() : nullptr, in, pair_gradients);
  }
  if (forces) {
    network->forces(pair_gradients, forces);
  }
}

template void
evaluate(const NetworkWeights<float>&, const Configuration<float>&, double*, float*, double*);
template void
evaluate(const NetworkWeights<double>&, const Configuration<double>&, double*, double*, double*);

namespace {

template <class T>
std::tuple<Tensor, Tensor>
run(const Tensor& species, const Tensor& receivers, const Tensor& senders, const Tensor& vectors,
    at::TensorList weights, at::IntArrayRef sizes, at::ArrayRef<double> scalars) {
  const auto packed = unpack<T>(weights, sizes, scalars);
  const int64_t n = species.size(0);
  const Tensor cast = vectors.to(c10::CppTypeToScalarType<T>::value).contiguous();
  Tensor energies = at::empty({n}, species.options().dtype(at::kDouble));
  Tensor pair_gradients = at::empty(vectors.sizes(), cast.options());
  evaluate<T>(
      packed->weights,
      {n, n, receivers.size(0), species.const_data_ptr<int64_t>(),
       receivers.const_data_ptr<int64_t>(), senders.const_data_ptr<int64_t>(),
       cast.const_data_ptr<T>(), at::get_num_threads()},
      energies.data_ptr<double>(), pair_gradients.data_ptr<T>(), nullptr);
  return {energies, pair_gradients};
}

std::tuple<Tensor, Tensor> energies_and_pair_gradients(
    const Tensor& species, const Tensor& receivers, const Tensor& senders, const Tensor& vectors,
    at::TensorList weights, at::IntArrayRef sizes, at::ArrayRef<double> scalars) {
  TORCH_CHECK(!weights.empty(), "weights: expected packed weights, found none");
  const int64_t n_pairs = receivers.numel();
  check(species, "species", at::kLong, {species.numel()});
  check(receivers, "receivers", at::kLong, {n_pairs});
  check(senders, "senders", at::kLong, {n_pairs});
  check(vectors, "vectors", vectors.scalar_type(), {n_pairs, 3});
  const auto arguments = std::make_tuple(
      species.contiguous(), receivers.contiguous(), senders.contiguous(), vectors, weights, sizes,
      scalars);
  try {
    return weights[0].scalar_type() == at::kDouble ? std::apply(run<double>, arguments)
                                                   : std::apply(run<float>, arguments);
  } catch (const std::invalid_argument& error) {
    TORCH_CHECK(false, error.what());
  }
}

std::tuple<Tensor, Tensor> energies_and_pair_gradients_meta(
    const Tensor& species, const Tensor&, const Tensor&, const Tensor& vectors,
    at::TensorList weights, at::IntArrayRef, at::ArrayRef<double>) {
  return {
      at::empty(species.sizes(), species.options().dtype(at::kDouble)),
      at::empty(vectors.sizes(), vectors.options().dtype(weights[0].scalar_type()))};
}

} // namespace

TORCH_LIBRARY_FRAGMENT(hipnn_ts, m) {
  m.def(
      "energies_and_pair_gradients(Tensor species, Tensor receivers, Tensor senders, "
      "Tensor vectors, Tensor[] weights, int[] sizes, float[] scalars) -> (Tensor, Tensor)");
}

TORCH_LIBRARY_IMPL(hipnn_ts, CPU, m) {
  m.impl("energies_and_pair_gradients", &energies_and_pair_gradients);
}

TORCH_LIBRARY_IMPL(hipnn_ts, Meta, m) {
  m.impl("energies_and_pair_gradients", &energies_and_pair_gradients_meta);
}

} // namespace hipnn_ts
