// SPDX-License-Identifier: BSD-3-Clause
//
// Inference for tensors on a GPU.
#include <torch/library.h>

#include "torch/cuda/guard.hpp"
#include "torch/cuda/inference.hpp"

namespace hipnn_ts {
namespace cuda {
namespace {

using at::Tensor;

std::tuple<Tensor, Tensor> evaluate(
    const Tensor& species, const Tensor& receivers, const Tensor& senders, const Tensor& vectors,
    const Tensor& document) {
  // Weights may be elsewhere: the operator runs on a GPU if any argument is on one.
  return on_gpu(species, [&](Device& device) {
    return evaluate_on(device, species, receivers, senders, vectors, document);
  });
}

/// For code in files of format 1.
std::tuple<Tensor, Tensor> energies_and_pair_gradients(
    const Tensor& species, const Tensor& receivers, const Tensor& senders, const Tensor& vectors,
    at::TensorList weights, at::IntArrayRef sizes, at::ArrayRef<double> scalars) {
  return on_gpu(species, [&](Device& device) {
    const auto model = loaded_model(weights, sizes, scalars);
    return network_energies_on(device, *model, species, receivers, senders, vectors);
  });
}

} // namespace

TORCH_LIBRARY_IMPL(hipnn_ts, CUDA, m) {
  m.impl("evaluate", &evaluate);
  m.impl("energies_and_pair_gradients", &energies_and_pair_gradients);
}

} // namespace cuda
} // namespace hipnn_ts
