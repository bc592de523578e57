// SPDX-License-Identifier: BSD-3-Clause
//
// Invariants of the moments for training, with first and second derivatives, not third.
#include <ATen/Parallel.h>
#include <torch/library.h>
#include <torch/torch.h>

#include "core/kernels.hpp"
#include "torch/checks.hpp"
#include "torch/cuda/guard.hpp"
#include "torch/cuda/training.hpp"

namespace hipnn_ts {
namespace {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// moments (n, C, a), vector_scales and tensor_scales (a,), empty where C does not reach them.
using Factors = std::tuple<Tensor, Tensor, Tensor>;

/// Null for what is empty.
template <class T> T* pointer(const Tensor& t) {
  return t.numel() > 0 ? t.data_ptr<std::remove_const_t<T>>() : nullptr;
}

/// The factors as kernels read them.
class Problem {
public:
  Problem(const Factors& factors, double cusp) : cusp_(cusp) {
    const auto& [m, t1, t2] = factors;
    TORCH_CHECK(m.dim() == 3, "moments: expected 3 dimensions, found shape ", m.sizes());
    check_real(m.scalar_type());
    const int64_t n_components = m.size(1), a = m.size(2);
    check_components(n_components);
    check(m, "moments", m.scalar_type(), m.sizes());
    check(t1, "vector_scales", m.scalar_type(), {n_components > 1 ? a : 0});
    check(t2, "tensor_scales", m.scalar_type(), {n_components > 4 ? a : 0});
    factors_ = {m.contiguous(), t1.contiguous(), t2.contiguous()};
  }

  /// A gradient of the invariants.
  Tensor taken(const Tensor& g) const {
    const Tensor& m = std::get<0>(factors_);
    check(g, "gradient", m.scalar_type(), {m.size(0), m.size(2)});
    return g.contiguous();
  }

  Tensor like_invariants() const {
    const Tensor& m = std::get<0>(factors_);
    return at::empty({m.size(0), m.size(2)}, m.options());
  }
  Factors like_factors() const {
    const auto& [m, t1, t2] = factors_;
    return {at::empty_like(m), at::empty_like(t1), at::empty_like(t2)};
  }
  Tensor scratch() const {
    const Tensor& m = std::get<0>(factors_);
    const int64_t blocks = (m.size(0) + invariants_block - 1) / invariants_block;
    return at::empty({blocks, max_order, m.size(2)}, m.options());
  }

  /// Calls body(zero of the type, problem, kernels).
  template <class Body> void run(const Body& body) const {
    std::get<0>(factors_).scalar_type() == at::kDouble ? run_as<double>(body) : run_as<float>(body);
  }

private:
  template <class T, class Body> void run_as(const Body& body) const {
    const auto& [m, t1, t2] = factors_;
    const InvariantsProblem<T> x{
        m.size(0),
        static_cast<int>(m.size(2)),
        static_cast<T>(cusp_),
        m.const_data_ptr<T>(),
        {pointer<const T>(t1), pointer<const T>(t2)},
        at::get_num_threads()};
    body(T(), x, kernels<T>(static_cast<int>(m.size(1))));
  }

  Factors factors_;
  double cusp_;
};

template <class T> InvariantsFactors<T> pointers(const Factors& f) {
  const auto& [m, t1, t2] = f;
  return {pointer<T>(m), {pointer<T>(t1), pointer<T>(t2)}};
}

Tensor
value_operator(const Tensor& moments, const Tensor& vector, const Tensor& tensor, double cusp) {
  const Problem problem({moments, vector, tensor}, cusp);
  Tensor out = problem.like_invariants();
  problem.run([&](auto zero, const auto& x, const auto& table) {
    table.invariants(x, out.data_ptr<decltype(zero)>());
  });
  return out;
}

Factors backward_operator(
    const Tensor& gradient, const Tensor& moments, const Tensor& vector, const Tensor& tensor,
    double cusp) {
  const Problem problem({moments, vector, tensor}, cusp);
  const Tensor g = problem.taken(gradient);
  Factors out = problem.like_factors();
  problem.run([&](auto zero, const auto& x, const auto& table) {
    using T = decltype(zero);
    table.invariants_backward(
        x, g.const_data_ptr<T>(), pointers<T>(out), problem.scratch().template data_ptr<T>());
  });
  return out;
}

/// How the factors' gradients' product with k changes with the gradient and the factors.
std::tuple<Tensor, Factors>
double_backward(const Tensor& gradient, const Factors& factors, const Factors& k, double cusp) {
  if (gradient.is_cuda()) {
    return cuda::on_gpu(gradient, [&](cuda::Device& device) {
      return cuda::invariants_double_backward_on(device, gradient, factors, k, cusp);
    });
  }
  const Problem problem(factors, cusp);
  const Tensor g = problem.taken(gradient);
  Tensor change = problem.like_invariants();
  const Factors out = problem.like_factors();
  problem.run([&](auto zero, const auto& x, const auto& table) {
    using T = decltype(zero);
    table.invariants_double_backward(
        x, g.const_data_ptr<T>(), pointers<const T>(k), change.data_ptr<T>(), pointers<T>(out),
        problem.scratch().template data_ptr<T>());
  });
  return {change, out};
}

Factors call_backward(const Tensor& gradient, const Factors& factors, double cusp) {
  static const auto op =
      find_operator<decltype(backward_operator)>("hipnn_ts::invariants_backward");
  const auto& [m, t1, t2] = factors;
  return op.call(gradient, m, t1, t2, cusp);
}

/// Scales that a network of lower order does not have get no gradient.
Tensor unless_empty(const Tensor& scales) {
  return scales.numel() > 0 ? scales : Tensor();
}

struct Value : torch::autograd::Function<Value> {
  static Tensor forward(
      AutogradContext* ctx, const Tensor& moments, const Tensor& vector, const Tensor& tensor,
      double cusp) {
    ctx->save_for_backward({moments, vector, tensor});
    ctx->saved_data["cusp"] = cusp;
    at::AutoDispatchBelowADInplaceOrView guard;
    static const auto op = find_operator<decltype(value_operator)>("hipnn_ts::invariants");
    return op.call(moments, vector, tensor, cusp);
  }

  static variable_list backward(AutogradContext* ctx, variable_list gradients) {
    const auto saved = ctx->get_saved_variables();
    const auto [m, t1, t2] = call_backward(
        gradients[0], {saved[0], saved[1], saved[2]}, ctx->saved_data["cusp"].toDouble());
    return {m, unless_empty(t1), unless_empty(t2), Tensor()};
  }
};

struct Backward : torch::autograd::Function<Backward> {
  static variable_list forward(
      AutogradContext* ctx, const Tensor& gradient, const Tensor& moments, const Tensor& vector,
      const Tensor& tensor, double cusp) {
    ctx->save_for_backward({gradient, moments, vector, tensor});
    ctx->saved_data["cusp"] = cusp;
    ctx->set_materialize_grads(false);
    at::AutoDispatchBelowADInplaceOrView guard;
    const auto [m, t1, t2] = call_backward(gradient, {moments, vector, tensor}, cusp);
    return {m, t1, t2};
  }

  static variable_list backward(AutogradContext* ctx, variable_list directions) {
    TORCH_CHECK_NOT_IMPLEMENTED(
        !at::GradMode::is_enabled(),
        "hipnn_ts::invariants: third derivatives are not implemented; a potential with "
        "fused=False has them");
    const auto saved = ctx->get_saved_variables();
    const auto or_empty = [&](const Tensor& t) {
      return t.defined() ? t.contiguous() : at::empty({0}, saved[0].options());
    };
    const Factors k{
        directions[0].defined() ? directions[0].contiguous() : at::zeros_like(saved[1]),
        or_empty(directions[1]), or_empty(directions[2])};
    const auto [change, out] = double_backward(
        saved[0], {saved[1], saved[2], saved[3]}, k, ctx->saved_data["cusp"].toDouble());
    const auto& [m, t1, t2] = out;
    return {change, m, unless_empty(t1), unless_empty(t2), Tensor()};
  }
};

Tensor
value_autograd(const Tensor& moments, const Tensor& vector, const Tensor& tensor, double cusp) {
  return Value::apply(moments, vector, tensor, cusp);
}

Factors backward_autograd(
    const Tensor& gradient, const Tensor& moments, const Tensor& vector, const Tensor& tensor,
    double cusp) {
  const auto out = Backward::apply(gradient, moments, vector, tensor, cusp);
  return {out[0], out[1], out[2]};
}

Tensor value_meta(const Tensor& moments, const Tensor&, const Tensor&, double) {
  return at::empty({moments.size(0), moments.size(2)}, moments.options());
}

Factors backward_meta(
    const Tensor&, const Tensor& moments, const Tensor& vector, const Tensor& tensor, double) {
  constexpr auto dense = at::MemoryFormat::Contiguous;
  return {
      at::empty_like(moments, dense), at::empty_like(vector, dense), at::empty_like(tensor, dense)};
}

} // namespace

TORCH_LIBRARY_FRAGMENT(hipnn_ts, m) {
  m.def(
      "invariants(Tensor moments, Tensor vector_scales, Tensor tensor_scales, "
      "float cusp_regularisation) -> Tensor");
  m.def(
      "invariants_backward(Tensor gradient, Tensor moments, Tensor vector_scales, "
      "Tensor tensor_scales, float cusp_regularisation) -> (Tensor, Tensor, Tensor)");
}

TORCH_LIBRARY_IMPL(hipnn_ts, CPU, m) {
  m.impl("invariants", &value_operator);
  m.impl("invariants_backward", &backward_operator);
}

TORCH_LIBRARY_IMPL(hipnn_ts, Meta, m) {
  m.impl("invariants", &value_meta);
  m.impl("invariants_backward", &backward_meta);
}

TORCH_LIBRARY_IMPL(hipnn_ts, Autograd, m) {
  m.impl("invariants", &value_autograd);
  m.impl("invariants_backward", &backward_autograd);
}

} // namespace hipnn_ts
