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

/// This thread's network, null before its first step.
template <class T> std::unique_ptr<Network<T>>& network_of_thread() {
  static thread_local std::unique_ptr<Network<T>> network;
  return network;
}

} // namespace

template <class T>
void evaluate(
    const NetworkWeights<T>& weights, const Configuration<T>& configuration, double* energies,
    T* pair_gradients, double* forces) {
  auto& network = network_of_thread<T>();
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
  for (int k = 0; k < last; ++k) {
    T* out = w.features[k].resize(n * weights.blocks[k].n_out);
    network->forward(k, k ? w.features[k - 1].data() : nullptr, out, energies);
    w.gradients[k].resize(n * weights.blocks[k].n_out);
  }
  network->last(
      last ? w.features[last - 1].data() : nullptr, energies,
      last ? w.gradients[last - 1].data() : nullptr, pair_gradients);
  for (int k = last - 1; k >= 0; --k) {
    T* in = k ? w.gradients[k - 1].data() : nullptr;
    network->backward(k, w.gradients[k].data(), in, pair_gradients);
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
       receivers.const_data_ptr<int32_t>(), senders.const_data_ptr<int32_t>(),
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
  const auto narrow = [&](const Tensor& index, const char* name) {
    const Tensor dense = index.contiguous();
    check_index<int64_t>(dense, name, n_pairs, species.numel());
    return dense.to(at::kInt);
  };
  const auto arguments = std::make_tuple(
      species.contiguous(), narrow(receivers, "receivers"), narrow(senders, "senders"), vectors,
      weights, sizes, scalars);
  try {
    return weights[0].scalar_type() == at::kDouble ? std::apply(run<double>, arguments)
                                                   : std::apply(run<float>, arguments);
  } catch (const std::invalid_argument& error) {
    C10_THROW_ERROR(Error, error.what());
  }
}

std::tuple<Tensor, Tensor> energies_and_pair_gradients_meta(
    const Tensor& species, const Tensor&, const Tensor&, const Tensor& vectors,
    at::TensorList weights, at::IntArrayRef, at::ArrayRef<double>) {
  return {
      at::empty(species.sizes(), species.options().dtype(at::kDouble)),
      at::empty(vectors.sizes(), vectors.options().dtype(weights[0].scalar_type()))};
}

template <class Use> void with_networks(const Use& use) {
  if (const auto& network = network_of_thread<float>()) {
    use(*network, workspace<float>());
  }
  if (const auto& network = network_of_thread<double>()) {
    use(*network, workspace<double>());
  }
}

/// Memory that this thread's networks and their features hold.
int64_t inference_bytes() {
  int64_t total = 0;
  with_networks([&](const auto& network, const auto& w) {
    total += network.bytes();
    for (const auto* buffers : {&w.features, &w.gradients}) {
      for (const auto& buffer : *buffers) {
        total += buffer.bytes();
      }
    }
  });
  return total;
}

/// Seconds that this thread's networks have spent in each stage, summed over their threads.
c10::Dict<std::string, double> inference_seconds() {
  c10::Dict<std::string, double> total;
  for (const char* name : stage_names) {
    total.insert(name, 0.0);
  }
  with_networks([&](const auto& network, const auto&) {
    const StageSeconds seconds = network.stage_seconds();
    for (size_t s = 0; s < stage_names.size(); ++s) {
      total.insert_or_assign(stage_names[s], total.at(stage_names[s]) + seconds.of[s]);
    }
  });
  return total;
}

} // namespace

TORCH_LIBRARY_FRAGMENT(hipnn_ts, m) {
  m.def("inference_bytes", &inference_bytes);
  m.def("inference_seconds", &inference_seconds);
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
