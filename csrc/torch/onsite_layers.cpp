// SPDX-License-Identifier: BSD-3-Clause
//
// A block's residual on-site layers for training, all in one operator: layer l is h_l = W1_l x_l +
// b1_l, in the first layer with the invariants added, x_l+1 = x_l + W2_l softplus(h_l) + b2_l, in
// the first layer perhaps with R x_0 in place of x_0. A loss on forces needs three passes over
// them. Written out here, each is a few products per layer; autograd would run dozens of small
// operations, whose overhead dominates a step of some hundred atoms.
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include "torch/onsite_weights.hpp"

namespace hipnn_ts {
namespace {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// The threshold of torch's softplus, beyond which it is linear.
constexpr double beta = 1, threshold = 20;

Tensor activated(const Tensor& hidden) {
  return at::softplus(hidden, beta, threshold);
}

Tensor slope_times(const Tensor& t, const Tensor& hidden) {
  return at::softplus_backward(t, hidden, beta, threshold);
}

/// a + x w, where an undefined tensor stands for zeros.
Tensor add_product(const Tensor& a, const Tensor& x, const Tensor& w) {
  return !x.defined() ? a : a.defined() ? at::addmm(a, x, w) : x.mm(w);
}

Tensor added(const Tensor& a, const Tensor& b) {
  return !a.defined() ? b : b.defined() ? a + b : a;
}

/// h of each layer, and x of each, followed by the last layer's result.
struct Values {
  variable_list hidden, features;
};

/// Differentiable if autograd is on: nothing that it keeps is overwritten.
Values values(const Tensor& invariants, const Tensor& features, const OnSiteWeights& w) {
  Values out{{}, {features}};
  for (size_t l = 0; l < w.n_layers(); ++l) {
    const Tensor& x = out.features.back();
    Tensor hidden = at::addmm(w.inner_bias(l), x, w.inner(l).t());
    if (l == 0) {
      hidden.add_(invariants);
    }
    Tensor y = at::addmm(w.outer_bias(l), activated(hidden), w.outer(l).t()).add_(w.past(l, x));
    out.hidden.push_back(std::move(hidden));
    out.features.push_back(std::move(y));
  }
  return out;
}

/// The operator's results: the last layer's, then h of each.
variable_list results(const Values& v) {
  variable_list out = {v.features.back()};
  out.insert(out.end(), v.hidden.begin(), v.hidden.end());
  return out;
}

variable_list
value_operator(const Tensor& invariants, const Tensor& features, at::TensorList weights) {
  check_layers(invariants, features, OnSiteWeights(weights));
  return results(values(invariants, features, OnSiteWeights(weights)));
}

/// Gradients of the invariants, the features and all weights, from gradients of x behind the last
/// layer and of each h; any may be undefined.
variable_list all_gradients(
    Tensor g, at::TensorList of_hidden, const Values& v, const OnSiteWeights& w, bool of_features) {
  variable_list out(2 + w.size());
  for (size_t l = w.n_layers(); l-- > 0;) {
    Tensor change = of_hidden[l];
    variable_list::iterator of_weights = out.begin() + 2 + 4 * static_cast<ptrdiff_t>(l);
    if (g.defined()) {
      change = added(slope_times(g.mm(w.outer(l)), v.hidden[l]), change);
      of_weights[2] = g.t().mm(activated(v.hidden[l]));
      of_weights[3] = g.sum(0);
    }
    if (!change.defined()) {
      continue;
    }
    of_weights[0] = change.t().mm(v.features[l]);
    of_weights[1] = change.sum(0);
    if (l == 0) {
      out[0] = change;
      if (w.adjusts(0) && g.defined()) {
        out.back() = g.t().mm(v.features[0]);
      }
    }
    if (l > 0 || of_features) {
      g = add_product(w.back_past(l, g), change, w.inner(l));
    }
  }
  out[1] = of_features ? g : Tensor();
  return out;
}

/// The gradients of the invariants and, if requested, of the features, differentiable once more, as
/// forces in a loss require.
struct Backward : torch::autograd::Function<Backward> {
  static variable_list forward(
      AutogradContext* ctx, const Tensor& gradient, at::TensorList hidden, at::TensorList weights,
      bool of_features) {
    at::AutoDispatchBelowADInplaceOrView guard;
    const OnSiteWeights w(weights);
    const size_t n = w.n_layers();
    variable_list gradients(n), changes(n); // of x behind each layer, and of its h
    Tensor g = gradient;
    for (size_t l = n; l-- > 0;) {
      gradients[l] = g;
      changes[l] = slope_times(g.mm(w.outer(l)), hidden[l]);
      if (l > 0 || of_features) {
        g = at::addmm(w.back_past(l, g), changes[l], w.inner(l));
      }
    }
    variable_list kept(weights.begin(), weights.end());
    for (const at::TensorList each : {hidden, at::TensorList(gradients), at::TensorList(changes)}) {
      kept.insert(kept.end(), each.begin(), each.end());
    }
    ctx->save_for_backward(std::move(kept));
    ctx->saved_data["n_layers"] = static_cast<int64_t>(n);
    ctx->set_materialize_grads(false);
    return of_features ? variable_list{changes[0], g} : variable_list{changes[0]};
  }

  /// From the effect of the directions k on the two: k propagates as a change of the features
  /// would.
  static variable_list backward(AutogradContext* ctx, const variable_list& directions) {
    TORCH_CHECK_NOT_IMPLEMENTED(
        !at::GradMode::is_enabled(),
        "hipnn_ts::onsite_layers: third derivatives are not implemented; a potential with "
        "fused=False has them");
    const auto saved = ctx->get_saved_variables();
    const auto n = static_cast<size_t>(ctx->saved_data["n_layers"].toInt());
    const at::TensorList all(saved);
    const OnSiteWeights w(all.slice(0, saved.size() - 3 * n));
    const auto hidden = all.slice(w.size(), n), gradients = all.slice(w.size() + n, n);
    const auto changes = all.slice(w.size() + 2 * n, n);
    variable_list out(1 + n + w.size() + 1);
    const Tensor& of_invariants = directions[0];
    Tensor k = directions.size() > 1 ? directions[1] : Tensor();
    for (size_t l = 0; l < n; ++l) {
      const Tensor q = add_product(l == 0 ? of_invariants : Tensor(), k, w.inner(l).t());
      if (!q.defined()) {
        return out; // no directions at all
      }
      const Tensor s_q = hidden[l].sigmoid().mul_(q);
      out[1 + l] = (q - s_q).mul_(changes[l]);
      const size_t of_weights = 1 + n + 4 * l;
      out[of_weights + 2] = gradients[l].t().mm(s_q);
      if (k.defined()) {
        out[of_weights] = changes[l].t().mm(k);
        if (w.adjusts(l)) {
          out[n + w.size()] = gradients[l].t().mm(k);
        }
      }
      k = add_product(w.past(l, k), s_q, w.outer(l).t());
    }
    out[0] = k;
    return out;
  }
};

struct Value : torch::autograd::Function<Value> {
  static variable_list forward(
      AutogradContext* ctx, const Tensor& invariants, const Tensor& features,
      at::TensorList weights) {
    at::AutoDispatchBelowADInplaceOrView guard;
    const OnSiteWeights w(weights);
    check_layers(invariants, features, w);
    const Values v = values(invariants, features, w);
    variable_list kept = {invariants};
    kept.insert(kept.end(), weights.begin(), weights.end());
    kept.insert(kept.end(), v.hidden.begin(), v.hidden.end());
    kept.insert(kept.end(), v.features.begin(), v.features.end() - 1);
    ctx->save_for_backward(std::move(kept));
    ctx->saved_data["n_layers"] = static_cast<int64_t>(w.n_layers());
    ctx->set_materialize_grads(false);
    return results(v);
  }

  static variable_list backward(AutogradContext* ctx, const variable_list& gradients) {
    const auto saved = ctx->get_saved_variables();
    const auto n = static_cast<size_t>(ctx->saved_data["n_layers"].toInt());
    const at::TensorList all(saved), of_hidden = at::TensorList(gradients).slice(1);
    const OnSiteWeights w(all.slice(1, saved.size() - 1 - 2 * n));
    const Values v{all.slice(1 + w.size(), n).vec(), all.slice(1 + w.size() + n, n).vec()};
    const bool of_features = ctx->needs_input_grad(1);
    bool of_weights = false, beyond_first = false;
    for (size_t k = 0; k < w.size(); ++k) {
      of_weights = of_weights || ctx->needs_input_grad(2 + k);
    }
    for (const Tensor& each : of_hidden) {
      beyond_first = beyond_first || each.defined();
    }
    if (!of_weights && !beyond_first) {
      variable_list out(2 + w.size());
      if (gradients[0].defined()) {
        const auto made = Backward::apply(
            gradients[0], at::TensorList(v.hidden), all.slice(1, w.size()), of_features);
        std::copy(made.begin(), made.end(), out.begin());
      }
      return out;
    }
    if (at::GradMode::is_enabled()) {
      TORCH_CHECK_NOT_IMPLEMENTED(
          !beyond_first, "hipnn_ts::onsite_layers: third derivatives are not implemented; a "
                         "potential with fused=False has them");
      return all_gradients(
          gradients[0], of_hidden, values(all[0], v.features[0], w), w, of_features);
    }
    return all_gradients(gradients[0], of_hidden, v, w, of_features);
  }
};

variable_list
value_autograd(const Tensor& invariants, const Tensor& features, at::TensorList weights) {
  return Value::apply(invariants, features, weights);
}

} // namespace

TORCH_LIBRARY_FRAGMENT(hipnn_ts, m) {
  // Results beyond the first, h of each layer, are only for the backward pass.
  m.def("onsite_layers(Tensor invariants, Tensor features, Tensor[] weights) -> Tensor[]");
}

TORCH_LIBRARY_IMPL(hipnn_ts, CompositeExplicitAutograd, m) {
  m.impl("onsite_layers", &value_operator);
}

TORCH_LIBRARY_IMPL(hipnn_ts, Autograd, m) {
  m.impl("onsite_layers", &value_autograd);
}

} // namespace hipnn_ts
