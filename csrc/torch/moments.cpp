// SPDX-License-Identifier: BSD-3-Clause
//
// Operators of the training family. E = sum_p Y s P is trilinear: pairing E with a fourth tensor G
// gives a scalar form of four factors (components Y, sensitivities s, projections P, moments G),
// and each operator is the form's derivative with respect to one factor. The derivative of any
// operator is again one of the four, called through the dispatcher, so derivatives of any order
// exist, in C++ as in Python.
#include <ATen/Parallel.h>
#include <torch/library.h>
#include <torch/torch.h>

#include "core/kernels.hpp"

namespace {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

enum Factor : int { components, sensitivities, projections, moments };
constexpr const char* factor_names[] = {"components", "sensitivities", "projections", "moments"};
constexpr int64_t factor_dims[] = {2, 2, 3, 3};

/// Sizes that the missing factor would tell.
struct Sizes {
  int64_t n_receivers, n_senders, n_components, window, n_sensitivities, n_features;

  std::vector<int64_t> shape(Factor factor, int64_t n_pairs) const {
    switch (factor) {
      case components:
        return {n_pairs, n_components};
      case sensitivities:
        return {n_pairs, window};
      case projections:
        return {n_senders, n_sensitivities, n_features};
      default:
        return {n_receivers, n_components, n_features};
    }
  }
};

/// The form with one factor left out: the one that an operator computes.
struct Form {
  Tensor factors[4];
  Tensor first, receivers, senders;
  Sizes sizes;

  const Tensor& any() const { return factors[components].defined() ? factors[0] : factors[1]; }
};

void check_index(
    const Tensor& index, const char* name, at::ScalarType type, int64_t n_pairs, int64_t limit) {
  TORCH_CHECK(index.device().is_cpu(), name, ": expected a CPU tensor, found ", index.device());
  TORCH_CHECK(
      index.scalar_type() == type, name, ": expected ", type, ", found ", index.scalar_type());
  TORCH_CHECK(
      index.dim() == 1 && index.size(0) == n_pairs, name, ": expected shape [", n_pairs,
      "], found ", index.sizes());
  if (n_pairs > 0) {
    const auto [low, high] = index.aminmax();
    TORCH_CHECK(
        low.item<int64_t>() >= 0 && high.item<int64_t>() < limit, name,
        ": expected values from 0 to ", limit - 1, ", found ", low.item<int64_t>(), " to ",
        high.item<int64_t>());
  }
}

/// The kernels trust shapes and indices: whatever is wrong stops here.
void validate(const Form& form) {
  const auto type = form.any().scalar_type();
  const int64_t n_pairs = form.receivers.size(0);
  const Sizes& sizes = form.sizes;
  TORCH_CHECK(
      type == at::kFloat || type == at::kDouble, "expected float32 or float64 tensors, found ",
      type);
  for (const Factor f : {components, sensitivities, projections, moments}) {
    const Tensor& t = form.factors[f];
    if (t.defined()) {
      TORCH_CHECK(
          t.device().is_cpu(), factor_names[f], ": expected a CPU tensor, found ", t.device());
      TORCH_CHECK(
          t.scalar_type() == type, factor_names[f], ": expected ", type, ", found ",
          t.scalar_type());
      const auto expected = sizes.shape(f, n_pairs);
      TORCH_CHECK(
          t.sizes() == expected, factor_names[f], ": expected shape ", at::IntArrayRef(expected),
          ", found ", t.sizes());
    }
  }
  TORCH_CHECK(
      sizes.n_components == 1 || sizes.n_components == 4 || sizes.n_components == 9,
      "components: expected 1, 4 or 9 of them, found ", sizes.n_components);
  TORCH_CHECK(
      sizes.window <= sizes.n_sensitivities, "sensitivities: expected a window of at most ",
      sizes.n_sensitivities, ", found ", sizes.window);
  check_index(form.receivers, "receivers", at::kLong, n_pairs, sizes.n_receivers);
  check_index(form.senders, "senders", at::kLong, n_pairs, sizes.n_senders);
  check_index(form.first, "first", at::kInt, n_pairs, sizes.n_sensitivities - sizes.window + 1);
}

template <class T> void run(const Form& form, Factor result, Tensor& out) {
  const auto pointer = [&](Factor f) {
    return form.factors[f].defined() ? form.factors[f].const_data_ptr<T>() : nullptr;
  };
  hipnn_ts::MomentsProblem<T> x{};
  x.n_receivers = form.sizes.n_receivers;
  x.n_senders = form.sizes.n_senders;
  x.n_sensitivities = static_cast<int>(form.sizes.n_sensitivities);
  x.window = static_cast<int>(form.sizes.window);
  x.n_features = static_cast<int>(form.sizes.n_features);
  x.receivers = form.receivers.const_data_ptr<int64_t>();
  x.senders = form.senders.const_data_ptr<int64_t>();
  x.first = form.first.const_data_ptr<int32_t>();
  x.components = pointer(components);
  x.sensitivities = pointer(sensitivities);
  x.projections = pointer(projections);
  x.moments = pointer(moments);
  x.n_threads = at::get_num_threads();

  hipnn_ts::PairGrouping grouping;
  const bool by_sender = result == projections;
  grouping.build(
      by_sender ? x.senders : x.receivers, form.receivers.size(0),
      by_sender ? x.n_senders : x.n_receivers);
  const auto& kernels = hipnn_ts::kernels<T>(static_cast<int>(form.sizes.n_components));
  const auto kernel = result == components      ? kernels.components_gradient
                      : result == sensitivities ? kernels.sensitivities_gradient
                      : result == projections   ? kernels.projections_gradient
                                                : kernels.moments;
  kernel(x, grouping.groups(), out.data_ptr<T>());
}

Tensor contract_cpu(Form form, Factor result) {
  validate(form);
  for (Tensor* t :
       {&form.factors[0], &form.factors[1], &form.factors[2], &form.factors[3], &form.first,
        &form.receivers, &form.senders}) {
    if (t->defined()) {
      *t = t->contiguous();
    }
  }
  Tensor out = at::empty(form.sizes.shape(result, form.receivers.size(0)), form.any().options());
  out.scalar_type() == at::kFloat ? run<float>(form, result, out) : run<double>(form, result, out);
  return out;
}

Tensor contract(const Form& form, Factor result); // through the dispatcher

/// The one autograd function: each operator is the form without one factor.
struct Contract : torch::autograd::Function<Contract> {
  static Tensor forward(
      AutogradContext* ctx, const Tensor& y, const Tensor& s, const Tensor& p, const Tensor& g,
      const Form& form, int64_t result) {
    ctx->save_for_backward({y, s, p, g, form.first, form.receivers, form.senders});
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
        saved[4],
        saved[5],
        saved[6],
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
  static Tensor call(const Form& form, Factor result) { return contract_cpu(form, result); }
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

int64_t size(const Tensor& t, const char* name, int64_t dim, int64_t dims) {
  TORCH_CHECK(t.dim() == dims, name, ": expected ", dims, " dimensions, found shape ", t.sizes());
  return t.size(dim);
}

int64_t size(const Tensor& t, Factor f, int64_t dim) {
  return size(t, factor_names[f], dim, factor_dims[f]);
}

template <class Key>
Tensor moments_operator(
    const Tensor& y, const Tensor& s, const Tensor& p, const Tensor& first, const Tensor& receivers,
    const Tensor& senders, int64_t n_receivers) {
  const Sizes sizes{
      n_receivers,
      size(p, projections, 0),
      size(y, components, 1),
      size(s, sensitivities, 1),
      size(p, projections, 1),
      size(p, projections, 2)};
  return Key::call({{y, s, p, Tensor()}, first, receivers, senders, sizes}, moments);
}

template <class Key>
Tensor components_operator(
    const Tensor& s, const Tensor& p, const Tensor& g, const Tensor& first, const Tensor& receivers,
    const Tensor& senders) {
  const Sizes sizes{size(g, moments, 0),       size(p, projections, 0), size(g, moments, 1),
                    size(s, sensitivities, 1), size(p, projections, 1), size(p, projections, 2)};
  return Key::call({{Tensor(), s, p, g}, first, receivers, senders, sizes}, components);
}

template <class Key>
Tensor sensitivities_operator(
    const Tensor& y, const Tensor& p, const Tensor& g, const Tensor& first, const Tensor& receivers,
    const Tensor& senders, int64_t window) {
  const Sizes sizes{size(g, moments, 0),     size(p, projections, 0), size(g, moments, 1), window,
                    size(p, projections, 1), size(p, projections, 2)};
  return Key::call({{y, Tensor(), p, g}, first, receivers, senders, sizes}, sensitivities);
}

template <class Key>
Tensor projections_operator(
    const Tensor& y, const Tensor& s, const Tensor& g, const Tensor& first, const Tensor& receivers,
    const Tensor& senders, int64_t n_senders, int64_t n_sensitivities) {
  const Sizes sizes{size(g, moments, 0),       n_senders,       size(g, moments, 1),
                    size(s, sensitivities, 1), n_sensitivities, size(g, moments, 2)};
  return Key::call({{y, s, Tensor(), g}, first, receivers, senders, sizes}, projections);
}

template <class Signature> auto find(const char* name) {
  return c10::Dispatcher::singleton().findSchemaOrThrow(name, "").typed<Signature>();
}

Tensor contract(const Form& form, Factor result) {
  const auto& [y, s, p, g] = form.factors;
  const Sizes& z = form.sizes;
  switch (result) {
    case components: {
      static const auto op =
          find<decltype(components_operator<Cpu>)>("hipnn_ts::moments_components_gradient");
      return op.call(s, p, g, form.first, form.receivers, form.senders);
    }
    case sensitivities: {
      static const auto op =
          find<decltype(sensitivities_operator<Cpu>)>("hipnn_ts::moments_sensitivities_gradient");
      return op.call(y, p, g, form.first, form.receivers, form.senders, z.window);
    }
    case projections: {
      static const auto op =
          find<decltype(projections_operator<Cpu>)>("hipnn_ts::moments_projections_gradient");
      return op.call(
          y, s, g, form.first, form.receivers, form.senders, z.n_senders, z.n_sensitivities);
    }
    default: {
      static const auto op = find<decltype(moments_operator<Cpu>)>("hipnn_ts::moments");
      return op.call(y, s, p, form.first, form.receivers, form.senders, z.n_receivers);
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
      "Tensor receivers, Tensor senders, int n_receivers) -> Tensor");
  m.def(
      "moments_components_gradient(Tensor sensitivities, Tensor projections, Tensor moments, "
      "Tensor first, Tensor receivers, Tensor senders) -> Tensor");
  m.def(
      "moments_sensitivities_gradient(Tensor components, Tensor projections, Tensor moments, "
      "Tensor first, Tensor receivers, Tensor senders, int window) -> Tensor");
  m.def(
      "moments_projections_gradient(Tensor components, Tensor sensitivities, Tensor moments, "
      "Tensor first, Tensor receivers, Tensor senders, int n_senders, int n_sensitivities) -> "
      "Tensor");
}

TORCH_LIBRARY_IMPL(hipnn_ts, CPU, m) {
  register_family<Cpu>(m);
}

TORCH_LIBRARY_IMPL(hipnn_ts, Autograd, m) {
  register_family<Autograd>(m);
}
