// SPDX-License-Identifier: BSD-3-Clause
//
// Which sensitivities matter to a pair: one window of consecutive ones, sorted by centre.
#include <ATen/Parallel.h>
#include <torch/library.h>

#include <cmath>
#include <limits>

#include "torch/checks.hpp"
#include "torch/cuda/guard.hpp"
#include "torch/cuda/training.hpp"

namespace hipnn_ts {
namespace {

using at::Tensor;

template <class T>
void find_windows(
    const Tensor& distances, const Tensor& mu, const Tensor& sigma, Tensor& first, Tensor& count) {
  const auto* r = distances.const_data_ptr<T>();
  const Tensor inverse_mu = mu.reciprocal();
  const auto* centre = inverse_mu.const_data_ptr<T>();
  const auto* width = sigma.const_data_ptr<T>();
  auto* begin = first.data_ptr<int32_t>();
  auto* size = count.data_ptr<int32_t>();
  const auto n = static_cast<int32_t>(mu.numel());
  const T reach = std::sqrt(-2 * std::log(std::numeric_limits<T>::epsilon()));
  at::parallel_for(0, distances.numel(), 1024, [&](int64_t from, int64_t to) {
    for (int64_t p = from; p < to; ++p) {
      const T inverse = 1 / r[p];
      // Written so that what is not a number is active and reaches the energy.
      const auto active = [&](int32_t v) {
        return !(std::abs((inverse - centre[v]) * width[v]) >= reach);
      };
      int32_t low = 0;
      while (low < n && !active(low)) {
        ++low;
      }
      int32_t high = n;
      while (high > low && !active(high - 1)) {
        --high;
      }
      begin[p] = low < n ? low : 0;
      size[p] = high - low;
    }
  });
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
