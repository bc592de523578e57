// SPDX-License-Identifier: BSD-3-Clause
//
// The sensitivities that matter to a pair: one window of consecutive ones, sorted by centre.
#include <ATen/Parallel.h>
#include <torch/library.h>

#include "core/training_kernels.hpp"
#include "torch/checks.hpp"
#include "torch/cuda/guard.hpp"
#include "torch/cuda/training.hpp"

namespace hipnn_ts {
namespace {

using at::Tensor;

template <class T>
void find_windows(
    const Tensor& distances, const Tensor& mu, const Tensor& sigma, Tensor& first, Tensor& count) {
  const Tensor inverse_mu = mu.reciprocal();
  training_kernels<T>(1).active_windows( // the same for every number of components
      {distances.numel(), static_cast<int>(mu.numel()), sensitivity_reach<T>(),
       distances.const_data_ptr<T>(), inverse_mu.const_data_ptr<T>(), sigma.const_data_ptr<T>(),
       first.data_ptr<int32_t>(), count.data_ptr<int32_t>(), at::get_num_threads()});
}

std::tuple<Tensor, Tensor>
active_windows(const Tensor& distances, const Tensor& mu, const Tensor& sigma) {
  const auto type = distances.scalar_type();
  check_real(type);
  check(distances, "distances", type, {distances.numel()});
  check(mu, "mu", type, {mu.numel()});
  check(sigma, "sigma", type, mu.sizes());
  Tensor first = at::empty(distances.sizes(), distances.options().dtype(at::kInt));
  Tensor count = at::empty_like(first);
  const auto find = type == at::kDouble ? find_windows<double> : find_windows<float>;
  find(distances.contiguous(), mu.contiguous(), sigma.contiguous(), first, count);
  return {first, count};
}

std::tuple<Tensor, Tensor>
active_windows_cuda(const Tensor& distances, const Tensor& mu, const Tensor& sigma) {
  return cuda::on_gpu(distances, [&](cuda::Device& device) {
    return cuda::active_windows_on(device, distances, mu, sigma);
  });
}

std::tuple<Tensor, Tensor>
active_windows_meta(const Tensor& distances, const Tensor&, const Tensor&) {
  Tensor first = at::empty(distances.sizes(), distances.options().dtype(at::kInt));
  return {first, at::empty_like(first)};
}

} // namespace

TORCH_LIBRARY_FRAGMENT(hipnn_ts, m) {
  m.def("active_windows(Tensor distances, Tensor mu, Tensor sigma) -> (Tensor, Tensor)");
}

TORCH_LIBRARY_IMPL(hipnn_ts, CPU, m) {
  m.impl("active_windows", &active_windows);
}

TORCH_LIBRARY_IMPL(hipnn_ts, CUDA, m) {
  m.impl("active_windows", &active_windows_cuda);
}

TORCH_LIBRARY_IMPL(hipnn_ts, Meta, m) {
  m.impl("active_windows", &active_windows_meta);
}

} // namespace hipnn_ts
