// SPDX-License-Identifier: BSD-3-Clause
//
// Energies and pair gradients of a whole packed network, without autograd.
#include <ATen/Parallel.h>
#include <torch/library.h>

#include "torch/checks.hpp"
#include "torch/packed.hpp"

namespace {

using at::Tensor;
using hipnn_ts::check;

/// Grow-only buffers of this thread. Contents live for one call only, so contexts of one host
/// thread may share them.
template <class T> struct Workspace {
  std::vector<hipnn_ts::Buffer<T>> features, gradients;
};

template <class T> Workspace<T>& workspace() {
  static thread_local Workspace<T> w;
  return w;
}

template <class T>
std::tuple<Tensor, Tensor>
run(const Tensor& species, const Tensor& receivers, const Tensor& senders, const Tensor& vectors,
    at::TensorList weights, at::IntArrayRef sizes, at::ArrayRef<double> scalars) {
  const auto packed = hipnn_ts::unpack<T>(weights, sizes, scalars);
  static thread_local std::unique_ptr<hipnn_ts::Network<T>> network;
  if (network) {
    network->use(packed->weights);
  } else {
    network = std::make_unique<hipnn_ts::Network<T>>(packed->weights);
  }
  const int64_t n = species.size(0);
  const Tensor cast = vectors.to(c10::CppTypeToScalarType<T>::value).contiguous();
  Tensor energies = at::zeros({n}, species.options().dtype(at::kDouble));
  Tensor pair_gradients = at::zeros(vectors.sizes(), cast.options());
  network->begin(
      {n, n, receivers.size(0), species.const_data_ptr<int64_t>(),
       receivers.const_data_ptr<int64_t>(), senders.const_data_ptr<int64_t>(),
       cast.const_data_ptr<T>(), at::get_num_threads()});
  const int last = network->n_blocks() - 1;
  Workspace<T>& w = workspace<T>();
  w.features.resize(last);
  w.gradients.resize(last);
  for (int k = 0; k <= last; ++k) {
    T* out = k < last ? w.features[k].resize(n * packed->weights.blocks[k].n_out) : nullptr;
    network->forward(k, k ? w.features[k - 1].data() : nullptr, out, energies.data_ptr<double>());
  }
  for (int k = last; k >= 0; --k) {
    T* in = k ? w.gradients[k - 1].resize(n * packed->weights.blocks[k].n_in) : nullptr;
    network->backward(
        k, k < last ? w.gradients[k].data() : nullptr, in, pair_gradients.data_ptr<T>());
  }
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
