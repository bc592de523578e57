// SPDX-License-Identifier: BSD-3-Clause
#include "torch/moments_form.hpp"

#include <ATen/Parallel.h>

#include "core/kernels.hpp"
#include "torch/checks.hpp"

namespace hipnn_ts {

std::vector<int64_t> Sizes::shape(Factor factor, int64_t n_pairs) const {
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

namespace {

void validate(const Form& form) {
  const auto type = form.any().scalar_type();
  const Sizes& sizes = form.sizes;
  check_real(type);
  for (const Factor f : {components, sensitivities, projections, moments}) {
    if (form.factors[f].defined()) {
      check(form.factors[f], factor_names[f], type, sizes.shape(f, form.n_pairs()));
    }
  }
  TORCH_CHECK(
      sizes.n_components == 1 || sizes.n_components == 4 || sizes.n_components == 9,
      "components: expected 1, 4 or 9 of them, found ", sizes.n_components);
  check_index<int64_t>(form.pairs.receivers, "receivers", form.n_pairs(), sizes.n_receivers);
  check_index<int64_t>(form.pairs.senders, "senders", form.n_pairs(), sizes.n_senders);
  check_windows(
      form.pairs.first, form.pairs.count, form.n_pairs(), sizes.window, sizes.n_sensitivities);
}

template <class T> void run(const Form& form, Factor result, at::Tensor& out) {
  const auto pointer = [&](Factor f) {
    return form.factors[f].defined() ? form.factors[f].const_data_ptr<T>() : nullptr;
  };
  MomentsProblem<T> x{};
  x.n_receivers = form.sizes.n_receivers;
  x.n_senders = form.sizes.n_senders;
  x.n_sensitivities = static_cast<int>(form.sizes.n_sensitivities);
  x.window = static_cast<int>(form.sizes.window);
  x.n_features = static_cast<int>(form.sizes.n_features);
  x.receivers = form.pairs.receivers.const_data_ptr<int64_t>();
  x.senders = form.pairs.senders.const_data_ptr<int64_t>();
  x.first = form.pairs.first.const_data_ptr<int32_t>();
  x.count = form.pairs.count.const_data_ptr<int32_t>();
  x.components = pointer(components);
  x.sensitivities = pointer(sensitivities);
  x.projections = pointer(projections);
  x.moments = pointer(moments);
  x.n_threads = at::get_num_threads();

  PairGrouping grouping;
  const bool by_sender = result == projections;
  grouping.build(
      by_sender ? x.senders : x.receivers, form.n_pairs(), by_sender ? x.n_senders : x.n_receivers);
  const auto& table = kernels<T>(static_cast<int>(form.sizes.n_components));
  const auto kernel = result == components      ? table.components_gradient
                      : result == sensitivities ? table.sensitivities_gradient
                      : result == projections   ? table.projections_gradient
                                                : table.moments;
  kernel(x, grouping.groups(), out.data_ptr<T>());
}

} // namespace

at::Tensor contract_on_cpu(Form form, Factor result) {
  PairTensors& pairs = form.pairs;
  for (at::Tensor* t :
       {&form.factors[0], &form.factors[1], &form.factors[2], &form.factors[3], &pairs.first,
        &pairs.count, &pairs.receivers, &pairs.senders}) {
    if (t->defined()) {
      *t = t->contiguous();
    }
  }
  validate(form);
  at::Tensor out = at::empty(form.sizes.shape(result, form.n_pairs()), form.any().options());
  out.scalar_type() == at::kFloat ? run<float>(form, result, out) : run<double>(form, result, out);
  return out;
}

} // namespace hipnn_ts
