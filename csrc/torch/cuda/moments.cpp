// SPDX-License-Identifier: BSD-3-Clause
#include "core/cuda/grids.hpp"
#include "core/cuda/training_arguments.hpp"
#include "torch/cuda/arguments.hpp"
#include "torch/cuda/training.hpp"

namespace hipnn_ts {
namespace cuda {
namespace {

using at::Tensor;

void validate(const Form& form) {
  const auto type = form.any().scalar_type();
  const at::Device where = form.any().device();
  const Sizes& sizes = form.sizes;
  const PairTensors& pairs = form.pairs;
  const int64_t n = form.n_pairs();
  TORCH_CHECK(
      type == at::kFloat || type == at::kDouble, "expected float32 or float64 tensors, found ",
      type);
  for (const Factor f : {components, sensitivities, projections, moments}) {
    if (form.factors[f].defined()) {
      check(form.factors[f], factor_names[f], type, sizes.shape(f, n), where);
    }
  }
  TORCH_CHECK(
      sizes.n_components == 1 || sizes.n_components == 4 || sizes.n_components == 9,
      "components: expected 1, 4 or 9 of them, found ", sizes.n_components);
  check(pairs.receivers, "receivers", at::kLong, {n}, where);
  check(pairs.senders, "senders", at::kLong, {n}, where);
  check(pairs.first, "first", at::kInt, {n}, where);
  check(pairs.count, "count", at::kInt, {n}, where);
  check_index(pairs.receivers, "receivers", sizes.n_receivers);
  check_index(pairs.senders, "senders", sizes.n_senders);
  check_index(pairs.first, "first", sizes.n_sensitivities + 1);
  check_index(pairs.count, "count", sizes.window + 1);
  check_index(pairs.first + pairs.count, "first + count", sizes.n_sensitivities + 1);
}

template <class T> void run(Device& device, const Form& form, Factor result, const Tensor& out) {
  const auto pointer = [&](Factor f) -> const T* {
    return form.factors[f].defined() ? form.factors[f].const_data_ptr<T>() : nullptr;
  };
  const Sizes& sizes = form.sizes;
  const int64_t n = form.n_pairs();
  const bool by_sender = result == projections,
             by_pair = result == components || result == sensitivities;
  std::optional<Sorted> sorted;
  MomentsArguments<T> x{};
  x.n_pairs = n;
  if (!by_pair) {
    x.n_groups = by_sender ? sizes.n_senders : sizes.n_receivers;
    sorted.emplace(by_sender ? form.pairs.senders : form.pairs.receivers, x.n_groups);
    x.groups = sorted->groups();
  }
  x.n_sensitivities = static_cast<int>(sizes.n_sensitivities);
  x.window = static_cast<int>(sizes.window);
  x.n_features = static_cast<int>(sizes.n_features);
  x.receivers = long_pointer(form.pairs.receivers);
  x.senders = long_pointer(form.pairs.senders);
  x.first = form.pairs.first.const_data_ptr<int>();
  x.count = form.pairs.count.const_data_ptr<int>();
  x.components = pointer(components);
  x.sensitivities = pointer(sensitivities);
  x.projections = pointer(projections);
  x.moments = pointer(moments);
  x.out = out.data_ptr<T>();
  const int passes = (x.n_features + warp_size - 1) / warp_size;
  const char* kernel = result == components      ? "components_gradient"
                       : result == sensitivities ? "sensitivities_gradient"
                       : result == projections   ? "projections_gradient"
                                                 : "moments";
  device.module(Constants::training(sizeof(T) == 8, static_cast<int>(sizes.n_components)))
      .launch(kernel, by_pair ? warp_each(n) : warp_each(x.n_groups, 0, passes), x);
}

} // namespace

Tensor contract_on(Device& device, Form form, Factor result) {
  PairTensors& pairs = form.pairs;
  for (Tensor* t :
       {&form.factors[0], &form.factors[1], &form.factors[2], &form.factors[3], &pairs.first,
        &pairs.count, &pairs.receivers, &pairs.senders}) {
    if (t->defined()) {
      *t = t->contiguous();
    }
  }
  validate(form);
  const Tensor out = at::empty(form.sizes.shape(result, form.n_pairs()), form.any().options());
  if (out.numel() > 0) {
    const auto call = out.scalar_type() == at::kFloat ? run<float> : run<double>;
    call(device, form, result, out);
  }
  return out;
}

} // namespace cuda
} // namespace hipnn_ts
