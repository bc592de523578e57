// SPDX-License-Identifier: BSD-3-Clause
#include "core/cuda/polynomial_arguments.hpp"
#include "core/polynomial_terms.hpp"
#include "torch/cuda/arguments.hpp"
#include "torch/cuda/training.hpp"
#include "torch/cuda/training_kernels.hpp"

namespace hipnn_ts {
namespace cuda {
namespace {

using at::Tensor;

int order_of_moments(const Tensor& moments) {
  TORCH_CHECK(moments.dim() == 3, "moments: expected 3 dimensions, found shape ", moments.sizes());
  return order_of(static_cast<int>(moments.size(1)));
}

int factors_of_gradient(const Tensor& g, const Tensor& moments) {
  const int l_max = order_of_moments(moments);
  TORCH_CHECK(g.dim() == 3, "gradient: expected 3 dimensions, found shape ", g.sizes());
  const int factors = factors_of(static_cast<int>(g.size(1)), l_max);
  TORCH_CHECK(factors > 0, "gradient: no n_max has ", g.size(1), " invariants");
  check(
      g, "gradient", moments.scalar_type(), {moments.size(0), g.size(1), moments.size(2)},
      moments.device());
  return factors;
}

/// Runs a kernel on contiguous moments; set(arguments) completes its arguments.
template <class Set>
void run(Device& device, const char* kernel, const Tensor& moments, int64_t n_max, const Set& set) {
  Module& module = training_module(device, moments.scalar_type(), moments.size(1));
  const auto passes = static_cast<int>((moments.size(2) + warp_size - 1) / warp_size);
  with_type(moments, [&](auto zero) {
    using T = decltype(zero);
    PolynomialArguments<T> x{};
    x.n_atoms = moments.size(0);
    x.n_features = static_cast<int>(moments.size(2));
    x.n_max = static_cast<int>(n_max);
    x.moments = moments.const_data_ptr<T>();
    set(x, zero);
    if (passes > 0) {
      module.launch(kernel, warp_each(x.n_atoms, 0, passes), x);
    }
  });
}

} // namespace

Tensor polynomials_on(Device& device, const Tensor& moments, int64_t n_max) {
  const int l_max = order_of_moments(moments);
  TORCH_CHECK(
      n_max >= 1 && n_max <= max_factors, "n_max: expected 1 to ", max_factors, ", found ", n_max);
  const Tensor out = at::empty(
      {moments.size(0), n_polynomials(l_max, static_cast<int>(n_max)), moments.size(2)},
      moments.options());
  run(device, "polynomials", moments.contiguous(), n_max,
      [&](auto& x, auto zero) { x.invariants = out.data_ptr<decltype(zero)>(); });
  return out;
}

Tensor polynomials_backward_on(Device& device, const Tensor& gradient, const Tensor& moments) {
  const int factors = factors_of_gradient(gradient, moments);
  const Tensor g = gradient.contiguous(), dense = moments.contiguous();
  const Tensor out = at::empty_like(dense);
  run(device, "polynomials_backward", dense, factors, [&](auto& x, auto zero) {
    using T = decltype(zero);
    x.gradient = g.const_data_ptr<T>();
    x.moment_gradients = out.data_ptr<T>();
  });
  return out;
}

std::tuple<Tensor, Tensor> polynomials_double_backward_on(
    Device& device, const Tensor& gradient, const Tensor& moments, const Tensor& direction) {
  const int factors = factors_of_gradient(gradient, moments);
  check(direction, "direction", moments.scalar_type(), moments.sizes(), moments.device());
  const Tensor g = gradient.contiguous(), dense = moments.contiguous(), k = direction.contiguous();
  const Tensor change = at::empty_like(g), out = at::empty_like(dense);
  run(device, "polynomials_double_backward", dense, factors, [&](auto& x, auto zero) {
    using T = decltype(zero);
    x.gradient = g.const_data_ptr<T>();
    x.direction = k.const_data_ptr<T>();
    x.invariants = change.data_ptr<T>();
    x.moment_gradients = out.data_ptr<T>();
  });
  return {change, out};
}

} // namespace cuda
} // namespace hipnn_ts
