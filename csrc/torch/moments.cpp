// SPDX-License-Identifier: BSD-3-Clause
//
// Operators of the training family, one for each factor of the form. The derivative of any operator
// is again one of the four, called through the dispatcher, so derivatives of any order exist, in
// C++ as in Python.
#include <torch/library.h>
#include <torch/torch.h>

#include "torch/checks.hpp"
#include "torch/cuda/guard.hpp"
#include "torch/cuda/training.hpp"
#include "torch/moments_form.hpp"

namespace hipnn_ts {
namespace {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

Tensor contract(const Form& form, Factor result); // through the dispatcher

/// The one autograd function: each operator is the form without one factor.
struct Contract : torch::autograd::Function<Contract> {
  static Tensor forward(
      AutogradContext* ctx, const Tensor& y, const Tensor& s, const Tensor& p, const Tensor& g,
      const Form& form, int64_t result) {
    const PairTensors& pairs = form.pairs;
    ctx->save_for_backward({y, s, p, g, pairs.first, pairs.count, pairs.receivers, pairs.senders});
    const Sizes& z = form.sizes;
    ctx->saved_data["result"] = result;
    ctx->saved_data["sizes"] = std::vector<int64_t>{
        z.n_receivers, z.n_senders, z.n_components, z.window, z.n_sensitivities, z.n_features};
    at::AutoDispatchBelowADInplaceOrView guard;
    return contract(form, static_cast<Factor>(result));
  }

  static variable_list backward(AutogradContext* ctx, variable_list output_gradients) {
    const auto saved = ctx->get_saved_variables();
    const auto sizes = ctx->saved_data["sizes"].toIntVector();
    const int64_t result = ctx->saved_data["result"].toInt();
    Form form{
        {saved[0], saved[1], saved[2], saved[3]},
        {saved[4], saved[5], saved[6], saved[7]},
        {sizes[0], sizes[1], sizes[2], sizes[3], sizes[4], sizes[5]}};
    form.factors[result] = output_gradients[0];
    variable_list gradients(6);
    for (const Factor f : {components, sensitivities, projections, moments}) {
      if (f != result && ctx->needs_input_grad(f)) {
        Form rest = form;
        rest.factors[f] = Tensor();
        gradients[f] = contract(rest, f);
      }
    }
    return gradients;
  }
};

/// Which dispatch key an operator's registration serves.
struct Cpu {
  static Tensor call(const Form& form, Factor result) { return contract_on_cpu(form, result); }
};
struct Cuda {
  static Tensor call(const Form& form, Factor result) {
    return cuda::on_gpu(
        form.any(), [&](cuda::Device& device) { return cuda::contract_on(device, form, result); });
  }
};
struct Meta {
  static Tensor call(const Form& form, Factor result) {
    return at::empty(form.sizes.shape(result, form.n_pairs()), form.any().options());
  }
};
struct Autograd {
  static Tensor call(const Form& form, Factor result) {
    Tensor t[4];
    for (int f = 0; f < 4; ++f) {
      // torch::autograd::Function takes no undefined tensor: the missing factor goes as an empty
      // one.
      t[f] = f == result ? at::empty({0}, form.any().options()) : form.factors[f];
    }
    return Contract::apply(t[0], t[1], t[2], t[3], form, static_cast<int64_t>(result));
  }
};

int64_t size(const Tensor& t, Factor f, int64_t dim) {
  TORCH_CHECK(
      t.dim() == factor_dims[f], factor_names[f], ": expected ", factor_dims[f],
      " dimensions, found shape ", t.sizes());
  return t.size(dim);
}

template <class Key>
Tensor moments_operator(
    const Tensor& y, const Tensor& s, const Tensor& p, const Tensor& first, const Tensor& count,
    const Tensor& receivers, const Tensor& senders, int64_t n_receivers) {
  const Sizes sizes{
      n_receivers,
      size(p, projections, 0),
      size(y, components, 1),
      size(s, sensitivities, 1),
      size(p, projections, 1),
      size(p, projections, 2)};
  return Key::call({{y, s, p, Tensor()}, {first, count, receivers, senders}, sizes}, moments);
}

template <class Key>
Tensor components_operator(
    const Tensor& s, const Tensor& p, const Tensor& g, const Tensor& first, const Tensor& count,
    const Tensor& receivers, const Tensor& senders) {
  const Sizes sizes{size(g, moments, 0),       size(p, projections, 0), size(g, moments, 1),
                    size(s, sensitivities, 1), size(p, projections, 1), size(p, projections, 2)};
  return Key::call({{Tensor(), s, p, g}, {first, count, receivers, senders}, sizes}, components);
}

template <class Key>
Tensor sensitivities_operator(
    const Tensor& y, const Tensor& p, const Tensor& g, const Tensor& first, const Tensor& count,
    const Tensor& receivers, const Tensor& senders, int64_t window) {
  const Sizes sizes{size(g, moments, 0),     size(p, projections, 0), size(g, moments, 1), window,
                    size(p, projections, 1), size(p, projections, 2)};
  return Key::call({{y, Tensor(), p, g}, {first, count, receivers, senders}, sizes}, sensitivities);
}

template <class Key>
Tensor projections_operator(
    const Tensor& y, const Tensor& s, const Tensor& g, const Tensor& first, const Tensor& count,
    const Tensor& receivers, const Tensor& senders, int64_t n_senders, int64_t n_sensitivities) {
  const Sizes sizes{size(g, moments, 0),       n_senders,       size(g, moments, 1),
                    size(s, sensitivities, 1), n_sensitivities, size(g, moments, 2)};
  return Key::call({{y, s, Tensor(), g}, {first, count, receivers, senders}, sizes}, projections);
}

Tensor contract(const Form& form, Factor result) {
  const auto& [y, s, p, g] = form.factors;
  const auto& [first, count, receivers, senders] = form.pairs;
  const Sizes& z = form.sizes;
  switch (result) {
    case components: {
      static const auto op = find_operator<decltype(components_operator<Cpu>)>(
          "hipnn_ts::moments_components_gradient");
      return op.call(s, p, g, first, count, receivers, senders);
    }
    case sensitivities: {
      static const auto op = find_operator<decltype(sensitivities_operator<Cpu>)>(
          "hipnn_ts::moments_sensitivities_gradient");
      return op.call(y, p, g, first, count, receivers, senders, z.window);
    }
    case projections: {
      static const auto op = find_operator<decltype(projections_operator<Cpu>)>(
          "hipnn_ts::moments_projections_gradient");
      return op.call(y, s, g, first, count, receivers, senders, z.n_senders, z.n_sensitivities);
    }
    default: {
      static const auto op = find_operator<decltype(moments_operator<Cpu>)>("hipnn_ts::moments");
      return op.call(y, s, p, first, count, receivers, senders, z.n_receivers);
    }
  }
}

template <class Key> void register_family(torch::Library& m) {
  m.impl("moments", &moments_operator<Key>);
  m.impl("moments_components_gradient", &components_operator<Key>);
  m.impl("moments_sensitivities_gradient", &sensitivities_operator<Key>);
  m.impl("moments_projections_gradient", &projections_operator<Key>);
}

} // namespace

TORCH_LIBRARY_FRAGMENT(hipnn_ts, m) {
  m.def(
      "moments(Tensor components, Tensor sensitivities, Tensor projections, Tensor first, "
      "Tensor count, Tensor receivers, Tensor senders, int n_receivers) -> Tensor");
  m.def(
      "moments_components_gradient(Tensor sensitivities, Tensor projections, Tensor moments, "
      "Tensor first, Tensor count, Tensor receivers, Tensor senders) -> Tensor");
  m.def(
      "moments_sensitivities_gradient(Tensor components, Tensor projections, Tensor moments, "
      "Tensor first, Tensor count, Tensor receivers, Tensor senders, int window) -> Tensor");
  m.def(
      "moments_projections_gradient(Tensor components, Tensor sensitivities, Tensor moments, "
      "Tensor first, Tensor count, Tensor receivers, Tensor senders, int n_senders, "
      "int n_sensitivities) -> Tensor");
}

TORCH_LIBRARY_IMPL(hipnn_ts, CPU, m) {
  register_family<Cpu>(m);
}

TORCH_LIBRARY_IMPL(hipnn_ts, CUDA, m) {
  register_family<Cuda>(m);
}

TORCH_LIBRARY_IMPL(hipnn_ts, Meta, m) {
  register_family<Meta>(m);
}

TORCH_LIBRARY_IMPL(hipnn_ts, Autograd, m) {
  register_family<Autograd>(m);
}

} // namespace hipnn_ts
