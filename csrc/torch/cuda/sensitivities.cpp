// SPDX-License-Identifier: BSD-3-Clause
#include "core/cuda/grids.hpp"
#include "core/cuda/training_arguments.hpp"
#include "core/training_kernels.hpp"
#include "torch/cuda/arguments.hpp"
#include "torch/cuda/training.hpp"
#include "torch/cuda/training_kernels.hpp"

namespace hipnn_ts {
namespace cuda {
namespace {

using at::Tensor;
using Factors = SensitivityFactorTensors;

Factors contiguous(const Factors& f) {
  return std::apply([](const auto&... each) { return Factors{each.contiguous()...}; }, f);
}

template <class T> FactorArguments<const T> pointers(const Factors& f) {
  const auto& [x, c, y, sigma] = f;
  return {
      x.const_data_ptr<T>(), c.const_data_ptr<T>(), y.const_data_ptr<T>(),
      sigma.const_data_ptr<T>()};
}

Module& module_of(Device& device, const Tensor& t) {
  return training_module(device, t.scalar_type(), 1); // the same for every number of components
}

/// Arguments of a call, with the tensors that own them.
template <class T> class Call {
public:
  Call(
      Device& device, const Factors& factors, const Tensor& first, const Tensor& count,
      int64_t window)
      : factors_(contiguous(factors)), first_(first.contiguous()), count_(count.contiguous()),
        module_(module_of(device, std::get<0>(factors))) {
    const auto& [x, c, y, sigma] = factors_;
    const auto type = x.scalar_type();
    const at::Device where = x.device();
    const int64_t n = x.numel();
    check(x, "inverse_distances", type, {n}, where);
    check(c, "envelopes", type, {n}, where);
    check(y, "inverse_mu", type, {y.numel()}, where);
    check(sigma, "sigma", type, y.sizes(), where);
    check(first_, "first", at::kInt, {n}, where);
    check(count_, "count", at::kInt, {n}, where);
    arguments.n_pairs = n;
    arguments.n_sensitivities = static_cast<int>(y.numel());
    arguments.window = static_cast<int>(window);
    arguments.first = first_.const_data_ptr<int>();
    arguments.count = count_.const_data_ptr<int>();
    arguments.factors = pointers<T>(factors_);
  }

  void take_gradient(const Tensor& h) {
    check(
        h, "gradient", std::get<0>(factors_).scalar_type(), {arguments.n_pairs, arguments.window},
        first_.device());
    h_ = h.contiguous();
    arguments.gradient = h_.const_data_ptr<T>();
  }

  Tensor window() const {
    return at::empty({arguments.n_pairs, arguments.window}, std::get<0>(factors_).options());
  }

  Tensor value() {
    const Tensor out = window();
    arguments.out = out.data_ptr<T>();
    module_.launch("sensitivities", over(out.numel()), arguments);
    return out;
  }

  /// Runs a kernel that writes gradients, and sums those that many pairs share.
  Factors gradients(const char* kernel) {
    const auto options = std::get<0>(factors_).options();
    const int64_t n = arguments.n_pairs, V = arguments.n_sensitivities;
    const int64_t rows = (n + sensitivity_pairs - 1) / sensitivity_pairs;
    const Factors out{
        at::empty({n}, options), at::empty({n}, options), at::empty({V}, options),
        at::empty({V}, options)};
    const Tensor parts = at::empty({rows, 2, V}, options);
    arguments.distance_gradients = std::get<0>(out).data_ptr<T>();
    arguments.envelope_gradients = std::get<1>(out).data_ptr<T>();
    arguments.shared_gradients = parts.data_ptr<T>();
    module_.launch(kernel, warp_each(rows), arguments);
    sum_rows<T>(module_, parts, {std::get<2>(out), std::get<3>(out)});
    return out;
  }

  SensitivitiesArguments<T> arguments{};

private:
  Factors factors_;
  Tensor first_, count_, h_;
  Module& module_;
};

} // namespace

Tensor sensitivities_on(
    Device& device, const Factors& factors, const Tensor& first, const Tensor& count,
    int64_t window) {
  return with_type(std::get<0>(factors), [&](auto zero) {
    return Call<decltype(zero)>(device, factors, first, count, window).value();
  });
}

Factors sensitivities_backward_on(
    Device& device, const Tensor& h, const Factors& factors, const Tensor& first,
    const Tensor& count) {
  return with_type(std::get<0>(factors), [&](auto zero) {
    Call<decltype(zero)> call(device, factors, first, count, h.size(1));
    call.take_gradient(h);
    return call.gradients("sensitivities_backward");
  });
}

std::tuple<Tensor, Factors> sensitivities_double_backward_on(
    Device& device, const Tensor& h, const Factors& factors, const Tensor& first,
    const Tensor& count, const Factors& directions) {
  return with_type(std::get<0>(factors), [&](auto zero) {
    using T = decltype(zero);
    Call<T> call(device, factors, first, count, h.size(1));
    call.take_gradient(h);
    const Factors along = contiguous(directions);
    call.arguments.directions = pointers<T>(along);
    const Tensor change = call.window();
    call.arguments.out = change.template data_ptr<T>();
    return std::tuple{change, call.gradients("sensitivities_double_backward")};
  });
}

std::tuple<Tensor, Tensor>
active_windows_on(Device& device, const Tensor& distances, const Tensor& mu, const Tensor& sigma) {
  Module& module = module_of(device, distances);
  const auto type = distances.scalar_type();
  check(distances, "distances", type, {distances.numel()}, distances.device());
  check(mu, "mu", type, {mu.numel()}, distances.device());
  check(sigma, "sigma", type, mu.sizes(), distances.device());
  const Tensor first = at::empty(distances.sizes(), distances.options().dtype(at::kInt));
  const Tensor count = at::empty_like(first);
  const Tensor r = distances.contiguous(), width = sigma.contiguous();
  const Tensor centre = mu.reciprocal().contiguous();
  with_type(distances, [&](auto zero) {
    using T = decltype(zero);
    module.launch(
        "active_windows", over(r.numel()),
        WindowsArguments<T>{
            r.numel(), static_cast<int>(mu.numel()), sensitivity_reach<T>(), r.const_data_ptr<T>(),
            centre.const_data_ptr<T>(), width.const_data_ptr<T>(), first.data_ptr<int>(),
            count.data_ptr<int>()});
  });
  return {first, count};
}

} // namespace cuda
} // namespace hipnn_ts
