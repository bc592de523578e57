// SPDX-License-Identifier: BSD-3-Clause
//
// The moments and their gradients as two operators. The derivatives of either are expressed by the
// two, so derivatives of any order exist; the second derivative, which training needs, has its own
// kernels.
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include "torch/checks.hpp"
#include "torch/cuda/guard.hpp"
#include "torch/cuda/training.hpp"
#include "torch/moments_form.hpp"

namespace hipnn_ts {
namespace {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;
using Wanted = std::array<bool, 3>;
using Gradients = std::tuple<Tensor, Tensor, Tensor>;

int64_t size(const Tensor& t, Factor f, int64_t dim) {
  TORCH_CHECK(
      t.dim() == factor_dims[f], factor_names[f], ": expected ", factor_dims[f],
      " dimensions, found shape ", t.sizes());
  return t.size(dim);
}

/// A form of all factors, perhaps without the moments, which have `n_receivers` rows.
Form form_of(
    const Tensor& y, const Tensor& s, const Tensor& p, const Tensor& g, const PairTensors& pairs,
    int64_t n_receivers) {
  return {
      {y, s, p, g},
      pairs,
      {n_receivers, size(p, projections, 0), size(y, components, 1), size(s, sensitivities, 1),
       size(p, projections, 1), size(p, projections, 2)}};
}

/// `tensors`, with an empty one for each that is not wanted, because operators return no undefined
/// tensors.
Gradients complete(const Three& tensors, const Tensor& like) {
  const auto or_empty = [&](const Tensor& t) {
    return t.defined() ? t : at::empty({0}, like.options());
  };
  return {or_empty(tensors[0]), or_empty(tensors[1]), or_empty(tensors[2])};
}

/// The dispatch key of an operator's registration.
struct Cpu {
  static Tensor value(const Form& form) { return moments_on_cpu(form); }
  static Three gradients(const Form& form, Wanted wanted) { return gradients_on_cpu(form, wanted); }
};
struct Cuda {
  static Tensor value(const Form& form) {
    return cuda::on_gpu(
        form.any(), [&](cuda::Device& device) { return cuda::moments_on(device, form); });
  }
  static Three gradients(const Form& form, Wanted wanted) {
    return cuda::on_gpu(
        form.any(), [&](cuda::Device& device) { return cuda::gradients_on(device, form, wanted); });
  }
};
struct Meta {
  static Tensor empty(const Form& form, Factor f) {
    return at::empty(form.sizes.shape(f, form.n_pairs()), form.any().options());
  }
  static Tensor value(const Form& form) { return empty(form, moments); }
  static Three gradients(const Form& form, Wanted wanted) {
    Three out;
    for (const Factor f : {components, sensitivities, projections}) {
      out[f] = wanted[f] ? empty(form, f) : Tensor();
    }
    return out;
  }
};

template <class Key>
Tensor value_operator(
    const Tensor& y, const Tensor& s, const Tensor& p, const Tensor& first, const Tensor& count,
    const Tensor& receivers, const Tensor& senders, int64_t n_receivers) {
  return Key::value(form_of(y, s, p, Tensor(), {first, count, receivers, senders}, n_receivers));
}

template <class Key>
Gradients backward_operator(
    const Tensor& g, const Tensor& y, const Tensor& s, const Tensor& p, const Tensor& first,
    const Tensor& count, const Tensor& receivers, const Tensor& senders, Wanted wanted) {
  const PairTensors pairs{first, count, receivers, senders};
  return complete(Key::gradients(form_of(y, s, p, g, pairs, size(g, moments, 0)), wanted), g);
}

Tensor call_value(const Three& f, const PairTensors& pairs, int64_t n_receivers) {
  static const auto op = find_operator<decltype(value_operator<Cpu>)>("hipnn_ts::moments");
  return op.call(
      f[0], f[1], f[2], pairs.first, pairs.count, pairs.receivers, pairs.senders, n_receivers);
}

Three call_backward(const Tensor& g, const Three& f, const PairTensors& pairs, Wanted wanted) {
  static const auto op =
      find_operator<decltype(backward_operator<Cpu>)>("hipnn_ts::moments_backward");
  const auto [y, s, p] = op.call(
      g, f[0], f[1], f[2], pairs.first, pairs.count, pairs.receivers, pairs.senders, wanted);
  return {wanted[0] ? y : Tensor(), wanted[1] ? s : Tensor(), wanted[2] ? p : Tensor()};
}

void add(Tensor& sum, const Tensor& term) {
  if (term.defined()) {
    sum = sum.defined() ? sum + term : term;
  }
}

/// Used if no derivative of it is wanted.
std::array<Tensor, 4> change(const Form& form, const Three& along, std::array<bool, 4> wanted) {
  if (form.any().is_cuda()) {
    return cuda::on_gpu(form.any(), [&](cuda::Device& device) {
      return cuda::change_on(device, form, along, wanted);
    });
  }
  return change_on_cpu(form, along, wanted);
}

/// The same through the operators, differentiable. The form is linear in each factor: its change
/// along one of them is its value with the direction in place of that factor.
std::array<Tensor, 4> change_by_operators(
    const Tensor& g, const Three& factors, const PairTensors& pairs, const Three& along,
    std::array<bool, 4> wanted) {
  std::array<Tensor, 4> out;
  for (const Factor f : {components, sensitivities, projections}) {
    if (!along[f].defined()) {
      continue;
    }
    Three moved = factors;
    moved[f] = along[f];
    if (wanted[moments]) {
      add(out[moments], call_value(moved, pairs, g.size(0)));
    }
    Wanted rest{wanted[0], wanted[1], wanted[2]};
    rest[f] = false;
    const Three terms = call_backward(g, moved, pairs, rest);
    for (const Factor other : {components, sensitivities, projections}) {
      add(out[other], terms[other]);
    }
  }
  return out;
}

struct Backward : torch::autograd::Function<Backward> {
  static variable_list forward(
      AutogradContext* ctx, const Tensor& g, const Tensor& y, const Tensor& s, const Tensor& p,
      const PairTensors& pairs, Wanted wanted) {
    ctx->set_materialize_grads(false);
    ctx->save_for_backward({g, y, s, p, pairs.first, pairs.count, pairs.receivers, pairs.senders});
    ctx->saved_data["wanted"] = std::vector<bool>(wanted.begin(), wanted.end());
    at::AutoDispatchBelowADInplaceOrView guard;
    const auto [dy, ds, dp] = complete(call_backward(g, {y, s, p}, pairs, wanted), g);
    return {dy, ds, dp};
  }

  static variable_list backward(AutogradContext* ctx, variable_list along) {
    const auto saved = ctx->get_saved_variables();
    const Tensor& g = saved[0];
    const Three factors{saved[1], saved[2], saved[3]};
    const PairTensors pairs{saved[4], saved[5], saved[6], saved[7]};
    const auto had = ctx->saved_data["wanted"].toBoolList();
    Three directions;
    for (size_t f = 0; f < 3; ++f) {
      directions[f] = had[f] ? along[f] : Tensor();
    }
    const std::array<bool, 4> wanted{
        ctx->needs_input_grad(1), ctx->needs_input_grad(2), ctx->needs_input_grad(3),
        ctx->needs_input_grad(0)};
    const auto out = at::GradMode::is_enabled()
                         ? change_by_operators(g, factors, pairs, directions, wanted)
                         : change(
                               form_of(factors[0], factors[1], factors[2], g, pairs, g.size(0)),
                               directions, wanted);
    return {out[3], out[0], out[1], out[2], Tensor(), Tensor()};
  }
};

struct Value : torch::autograd::Function<Value> {
  static Tensor forward(
      AutogradContext* ctx, const Tensor& y, const Tensor& s, const Tensor& p,
      const PairTensors& pairs, int64_t n_receivers) {
    ctx->save_for_backward({y, s, p, pairs.first, pairs.count, pairs.receivers, pairs.senders});
    at::AutoDispatchBelowADInplaceOrView guard;
    return call_value({y, s, p}, pairs, n_receivers);
  }

  static variable_list backward(AutogradContext* ctx, variable_list gradients) {
    const auto saved = ctx->get_saved_variables();
    const Wanted wanted{
        ctx->needs_input_grad(0), ctx->needs_input_grad(1), ctx->needs_input_grad(2)};
    const Three out = call_backward(
        gradients[0], {saved[0], saved[1], saved[2]}, {saved[3], saved[4], saved[5], saved[6]},
        wanted);
    return {out[0], out[1], out[2], Tensor(), Tensor()};
  }
};

Tensor value_autograd(
    const Tensor& y, const Tensor& s, const Tensor& p, const Tensor& first, const Tensor& count,
    const Tensor& receivers, const Tensor& senders, int64_t n_receivers) {
  return Value::apply(y, s, p, PairTensors{first, count, receivers, senders}, n_receivers);
}

Gradients backward_autograd(
    const Tensor& g, const Tensor& y, const Tensor& s, const Tensor& p, const Tensor& first,
    const Tensor& count, const Tensor& receivers, const Tensor& senders, Wanted wanted) {
  const auto out =
      Backward::apply(g, y, s, p, PairTensors{first, count, receivers, senders}, wanted);
  return {out[0], out[1], out[2]};
}

template <class Key> void register_both(torch::Library& m) {
  m.impl("moments", &value_operator<Key>);
  m.impl("moments_backward", &backward_operator<Key>);
}

} // namespace

TORCH_LIBRARY_FRAGMENT(hipnn_ts, m) {
  m.def(
      "moments(Tensor components, Tensor sensitivities, Tensor projections, Tensor first, "
      "Tensor count, Tensor receivers, Tensor senders, int n_receivers) -> Tensor");
  // Those of the three gradients that are not wanted are empty.
  m.def(
      "moments_backward(Tensor moments, Tensor components, Tensor sensitivities, "
      "Tensor projections, Tensor first, Tensor count, Tensor receivers, Tensor senders, "
      "bool[3] wanted) -> (Tensor, Tensor, Tensor)");
}

TORCH_LIBRARY_IMPL(hipnn_ts, CPU, m) {
  register_both<Cpu>(m);
}

TORCH_LIBRARY_IMPL(hipnn_ts, CUDA, m) {
  register_both<Cuda>(m);
}

TORCH_LIBRARY_IMPL(hipnn_ts, Meta, m) {
  register_both<Meta>(m);
}

TORCH_LIBRARY_IMPL(hipnn_ts, Autograd, m) {
  m.impl("moments", &value_autograd);
  m.impl("moments_backward", &backward_autograd);
}

} // namespace hipnn_ts
