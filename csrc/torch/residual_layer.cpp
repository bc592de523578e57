// SPDX-License-Identifier: BSD-3-Clause
//
// An on-site layer y = x + W2 softplus(W1 x + b1) + b2 for training. A force in a loss asks for
// three passes over it; written out here, each is a few products instead of dozens of small
// operations, whose launches are what a step of some hundred atoms costs on a GPU.
#include <torch/library.h>
#include <torch/torch.h>

#include "torch/checks.hpp"

namespace hipnn_ts {
namespace {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// Of torch's softplus, which is linear beyond the threshold.
constexpr double beta = 1, threshold = 20;

Tensor slope_times(const Tensor& t, const Tensor& hidden) {
  return at::softplus_backward(t, hidden, beta, threshold);
}

struct Weights {
  Tensor inner, inner_bias, outer, outer_bias;
};

void check_layer(const Tensor& x, const Weights& w) {
  const auto type = x.scalar_type();
  check_real(type);
  TORCH_CHECK(x.dim() == 2, "features: expected 2 dimensions, found shape ", x.sizes());
  TORCH_CHECK(w.inner.dim() == 2, "inner: expected a matrix, found shape ", w.inner.sizes());
  const int64_t a = x.size(1), middle = w.inner.size(0);
  const auto expect = [&](const Tensor& t, const char* name, at::IntArrayRef shape) {
    TORCH_CHECK(t.scalar_type() == type, name, ": expected ", type, ", found ", t.scalar_type());
    TORCH_CHECK(t.sizes() == shape, name, ": expected shape ", shape, ", found ", t.sizes());
  };
  expect(w.inner, "inner", {middle, a});
  expect(w.inner_bias, "inner_bias", {middle});
  expect(w.outer, "outer", {a, middle});
  expect(w.outer_bias, "outer_bias", {a});
}

/// y and W1 x + b1.
std::tuple<Tensor, Tensor> value_operator(
    const Tensor& x, const Tensor& inner, const Tensor& inner_bias, const Tensor& outer,
    const Tensor& outer_bias) {
  check_layer(x, {inner, inner_bias, outer, outer_bias});
  const Tensor hidden = at::addmm(inner_bias, x, inner.t());
  const Tensor activated = at::softplus(hidden, beta, threshold);
  return {at::addmm(outer_bias, activated, outer.t()).add_(x), hidden};
}

/// All gradients, for g of y, of whichever order: `hidden` may depend on the others.
variable_list all_gradients(
    const Tensor& g, const Tensor& x, const Tensor& hidden, const Tensor& inner,
    const Tensor& outer) {
  const Tensor change = slope_times(g.mm(outer), hidden);
  return {
      at::addmm(g, change, inner), change.t().mm(x), change.sum(0),
      g.t().mm(at::softplus(hidden, beta, threshold)), g.sum(0)};
}

/// The gradient with respect to x, differentiable once more: what forces in a loss need.
struct Backward : torch::autograd::Function<Backward> {
  static Tensor forward(
      AutogradContext* ctx, const Tensor& g, const Tensor& x, const Tensor& inner,
      const Tensor& inner_bias, const Tensor& outer, const Tensor& hidden) {
    (void)inner_bias; // that `hidden` depends on
    at::AutoDispatchBelowADInplaceOrView guard;
    const Tensor pulled = g.mm(outer);
    ctx->save_for_backward({g, x, inner, outer, hidden, pulled});
    return at::addmm(g, slope_times(pulled, hidden), inner);
  }

  static variable_list backward(AutogradContext* ctx, variable_list directions) {
    TORCH_CHECK_NOT_IMPLEMENTED(
        !at::GradMode::is_enabled(),
        "hipnn_ts::residual_layer: third derivatives are not implemented; a potential with "
        "fused=False has them");
    const auto saved = ctx->get_saved_variables();
    const Tensor &g = saved[0], &x = saved[1], &inner = saved[2], &outer = saved[3];
    const Tensor &hidden = saved[4], &pulled = saved[5], &k = directions[0];
    // k . dx = k . g + sum u s q with u = g W2, q = W1 k and the slope s of `hidden`.
    const Tensor q = k.mm(inner.t()), s = hidden.sigmoid();
    const Tensor s_q = s * q, s_u = s * pulled;
    const Tensor change = s_u * (q - s_q); // of `hidden`
    return {
        at::addmm(k, s_q, outer.t()),
        change.mm(inner),
        s_u.t().mm(k).addmm_(change.t(), x),
        change.sum(0),
        g.t().mm(s_q),
        Tensor()};
  }
};

struct Value : torch::autograd::Function<Value> {
  static variable_list forward(
      AutogradContext* ctx, const Tensor& x, const Tensor& inner, const Tensor& inner_bias,
      const Tensor& outer, const Tensor& outer_bias) {
    at::AutoDispatchBelowADInplaceOrView guard;
    static const auto op = find_operator<decltype(value_operator)>("hipnn_ts::residual_layer");
    const auto [y, hidden] = op.call(x, inner, inner_bias, outer, outer_bias);
    ctx->save_for_backward({x, inner, inner_bias, outer, hidden});
    ctx->mark_non_differentiable({hidden});
    ctx->set_materialize_grads(false);
    return {y, hidden};
  }

  static variable_list backward(AutogradContext* ctx, variable_list gradients) {
    const auto saved = ctx->get_saved_variables();
    const Tensor &g = gradients[0], &x = saved[0], &inner = saved[1], &inner_bias = saved[2];
    const Tensor &outer = saved[3], &hidden = saved[4];
    if (!g.defined()) {
      return variable_list(5);
    }
    bool of_weights = false;
    for (size_t k = 1; k < 5; ++k) {
      of_weights = of_weights || ctx->needs_input_grad(k);
    }
    if (!of_weights) {
      return {
          Backward::apply(g, x, inner, inner_bias, outer, hidden), Tensor(), Tensor(), Tensor(),
          Tensor()};
    }
    if (at::GradMode::is_enabled()) {
      return all_gradients(g, x, at::addmm(inner_bias, x, inner.t()), inner, outer);
    }
    return all_gradients(g, x, hidden, inner, outer);
  }
};

std::tuple<Tensor, Tensor> value_autograd(
    const Tensor& x, const Tensor& inner, const Tensor& inner_bias, const Tensor& outer,
    const Tensor& outer_bias) {
  const auto out = Value::apply(x, inner, inner_bias, outer, outer_bias);
  return {out[0], out[1]};
}

} // namespace

TORCH_LIBRARY_FRAGMENT(hipnn_ts, m) {
  // The second result, what the softplus is of, is for the way back only.
  m.def(
      "residual_layer(Tensor features, Tensor inner, Tensor inner_bias, Tensor outer, "
      "Tensor outer_bias) -> (Tensor, Tensor)");
}

TORCH_LIBRARY_IMPL(hipnn_ts, CompositeExplicitAutograd, m) {
  m.impl("residual_layer", &value_operator);
}

TORCH_LIBRARY_IMPL(hipnn_ts, Autograd, m) {
  m.impl("residual_layer", &value_autograd);
}

} // namespace hipnn_ts
