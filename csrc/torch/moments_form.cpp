// SPDX-License-Identifier: BSD-3-Clause
#include "torch/moments_form.hpp"

#include <ATen/Parallel.h>

#include "core/training_kernels.hpp"
#include "torch/checked_pairs.hpp"
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

constexpr std::array<Factor, 4> all_factors = {components, sensitivities, projections, moments};

/// A checked form in the layout of the kernels, which must outlive its use.
class Problem {
public:
  explicit Problem(const Form& form) : form_(form) {
    PairTensors& pairs = form_.pairs;
    for (at::Tensor* t : {&pairs.first, &pairs.count, &pairs.receivers, &pairs.senders}) {
      *t = t->contiguous();
    }
    check_real(form.any().scalar_type());
    for (const Factor f : all_factors) {
      take(form_.factors[f], f);
    }
    check_components(form.sizes.n_components);
    checked_ = &checked_pairs(pairs, form_.sizes);
  }

  void set_direction(const Three& along) {
    along_ = along;
    for (const Factor f : {components, sensitivities, projections}) {
      if (!along_[f].defined() && f != projections) {
        along_[f] = empty(f).zero_();
      }
      take(along_[f], f);
    }
  }

  at::Tensor empty(Factor f) const {
    return at::empty(form_.sizes.shape(f, form_.n_pairs()), form_.any().options());
  }

  /// Calls body(zero of the type, problem, kernels).
  template <class Body> void run(const Body& body) const {
    form_.any().scalar_type() == at::kFloat ? run_as<float>(body) : run_as<double>(body);
  }

  PairGroups by_receiver() const { return checked_->by_receiver(); }
  PairGroups by_sender() const { return checked_->by_sender(); }

private:
  void take(at::Tensor& t, Factor f) const {
    if (t.defined()) {
      check(t, factor_names[f], form_.any().scalar_type(), form_.sizes.shape(f, form_.n_pairs()));
      t = t.contiguous();
    }
  }

  template <class T, class Body> void run_as(const Body& body) const {
    const auto pointer = [](const at::Tensor& t) {
      return t.defined() ? t.const_data_ptr<T>() : nullptr;
    };
    const auto& [y, s, p, g] = form_.factors;
    const Sizes& sizes = form_.sizes;
    const MomentsProblem<T> x{
        sizes.n_receivers,
        sizes.n_senders,
        static_cast<int>(sizes.n_sensitivities),
        static_cast<int>(sizes.window),
        static_cast<int>(sizes.n_features),
        form_.pairs.receivers.const_data_ptr<int64_t>(),
        form_.pairs.senders.const_data_ptr<int64_t>(),
        form_.pairs.first.const_data_ptr<int32_t>(),
        form_.pairs.count.const_data_ptr<int32_t>(),
        pointer(y),
        pointer(s),
        pointer(p),
        pointer(g),
        {pointer(along_[0]), pointer(along_[1]), pointer(along_[2])},
        at::get_num_threads()};
    body(T(), x, training_kernels<T>(static_cast<int>(sizes.n_components)));
  }

  Form form_;
  Three along_;
  const CheckedPairs* checked_;
};

} // namespace

at::Tensor moments_on_cpu(const Form& form) {
  const Problem problem(form);
  at::Tensor out = problem.empty(moments);
  problem.run([&](auto zero, const auto& x, const auto& table) {
    table.moments(x, problem.by_receiver(), out.data_ptr<decltype(zero)>());
  });
  return out;
}

Three gradients_on_cpu(const Form& form, std::array<bool, 3> wanted) {
  const Problem problem(form);
  Three out;
  for (const Factor f : {components, sensitivities, projections}) {
    out[f] = wanted[f] ? problem.empty(f) : at::Tensor();
  }
  problem.run([&](auto zero, const auto& x, const auto& table) {
    using T = decltype(zero);
    const auto pointer = [&](Factor f) { return wanted[f] ? out[f].data_ptr<T>() : nullptr; };
    if (wanted[components] || wanted[sensitivities]) {
      table.pair_gradients(x, problem.by_receiver(), pointer(components), pointer(sensitivities));
    }
    if (wanted[projections]) {
      table.projections_gradient(x, problem.by_sender(), pointer(projections));
    }
  });
  return out;
}

std::array<at::Tensor, 4>
change_on_cpu(const Form& form, const Three& along, std::array<bool, 4> wanted) {
  Problem problem(form);
  problem.set_direction(along);
  std::array<at::Tensor, 4> out;
  for (const Factor f : all_factors) {
    out[f] = wanted[f] ? problem.empty(f) : at::Tensor();
  }
  problem.run([&](auto zero, const auto& x, const auto& table) {
    using T = decltype(zero);
    const auto pointer = [&](Factor f) { return wanted[f] ? out[f].data_ptr<T>() : nullptr; };
    if (wanted[moments]) {
      table.moments_change(x, problem.by_receiver(), pointer(moments));
    }
    if (wanted[components] || wanted[sensitivities]) {
      table.pair_gradients_change(
          x, problem.by_receiver(), pointer(components), pointer(sensitivities));
    }
    if (wanted[projections]) {
      table.projections_gradient_change(x, problem.by_sender(), pointer(projections));
    }
  });
  return out;
}

} // namespace hipnn_ts
