// SPDX-License-Identifier: BSD-3-Clause
#include "torch/cuda/arguments.hpp"
#include "torch/cuda/training.hpp"
#include "torch/cuda/training_kernels.hpp"

namespace hipnn_ts {
namespace cuda {
namespace {

using at::Tensor;
using Factors = InvariantsTensors;

template <class T> InvariantsFactorArguments<const T> pointers(const Factors& f) {
  return {std::get<0>(f).const_data_ptr<T>(), std::get<1>(f).const_data_ptr<T>()};
}

/// The checked factors, and the kernels for them.
class Problem {
public:
  Problem(Device& device, const Factors& factors, double cusp)
      : cusp_(cusp), module_(module_for(device, std::get<0>(factors))) {
    const auto& [m, t] = factors;
    const int64_t l_max = order_of(static_cast<int>(m.size(1)));
    check(t, "scales", m.scalar_type(), {l_max, m.size(2)}, m.device());
    factors_ = {m.contiguous(), t.contiguous()};
  }

  Tensor like_invariants() const {
    const Tensor& m = std::get<0>(factors_);
    return at::empty({m.size(0), m.size(2)}, m.options());
  }

  /// Runs a kernel; set(arguments) completes its arguments. Fills `out`, if there is one, with
  /// gradients.
  template <class Set> void run(const char* kernel, Factors* out, const Set& set) const {
    const auto& [m, t] = factors_;
    const int64_t rows = (m.size(0) + invariant_atoms - 1) / invariant_atoms, a = m.size(2);
    const auto passes = static_cast<int>((a + warp_size - 1) / warp_size);
    Tensor parts;
    if (out) {
      *out = {at::empty_like(m), at::empty_like(t)};
      parts = at::empty({rows, 1, t.numel()}, m.options());
    }
    with_type(m, [&](auto zero) {
      using T = decltype(zero);
      TrainingInvariantsArguments<T> x{};
      x.n_atoms = std::get<0>(factors_).size(0);
      x.n_features = static_cast<int>(a);
      x.cusp_regularisation = static_cast<T>(cusp_);
      x.factors = pointers<T>(factors_);
      if (out) {
        x.moment_gradients = std::get<0>(*out).template data_ptr<T>();
        x.scale_gradients = parts.data_ptr<T>();
      }
      set(x, zero);
      if (passes > 0) {
        module_.launch(kernel, warp_each(rows, 0, passes), x);
      }
      if (out && std::get<1>(*out).numel() > 0) {
        sum_rows<T>(module_, parts, {std::get<1>(*out)});
      }
    });
  }

  /// A gradient of the invariants.
  Tensor taken(const Tensor& g) const {
    const Tensor& m = std::get<0>(factors_);
    check(g, "gradient", m.scalar_type(), {m.size(0), m.size(2)}, m.device());
    return g.contiguous();
  }

  Factors taken(const Factors& directions) const {
    const auto& [m, t] = directions;
    const Tensor& like = std::get<0>(factors_);
    check(m, "direction", like.scalar_type(), like.sizes(), like.device());
    return {m.contiguous(), t.contiguous()};
  }

private:
  static Module& module_for(Device& device, const Tensor& m) {
    TORCH_CHECK(m.dim() == 3, "moments: expected 3 dimensions, found shape ", m.sizes());
    return training_module(device, m.scalar_type(), m.size(1));
  }

  double cusp_;
  Module& module_;
  Factors factors_;
};

} // namespace

Tensor invariants_on(Device& device, const Factors& factors, double cusp) {
  const Problem problem(device, factors, cusp);
  const Tensor out = problem.like_invariants();
  problem.run(
      "invariants", nullptr, [&](auto& x, auto zero) { x.out = out.data_ptr<decltype(zero)>(); });
  return out;
}

Factors invariants_backward_on(
    Device& device, const Tensor& gradient, const Factors& factors, double cusp) {
  const Problem problem(device, factors, cusp);
  const Tensor g = problem.taken(gradient);
  Factors out;
  problem.run("invariants_backward", &out, [&](auto& x, auto zero) {
    x.gradient = g.const_data_ptr<decltype(zero)>();
  });
  return out;
}

std::tuple<Tensor, Factors> invariants_double_backward_on(
    Device& device, const Tensor& gradient, const Factors& factors, const Factors& directions,
    double cusp) {
  const Problem problem(device, factors, cusp);
  const Tensor g = problem.taken(gradient), change = problem.like_invariants();
  const Factors k = problem.taken(directions);
  Factors out;
  problem.run("invariants_double_backward", &out, [&](auto& x, auto zero) {
    using T = decltype(zero);
    x.gradient = g.const_data_ptr<T>();
    x.directions = pointers<T>(k);
    x.out = change.data_ptr<T>();
  });
  return {change, out};
}

} // namespace cuda
} // namespace hipnn_ts
