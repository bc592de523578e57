// SPDX-License-Identifier: BSD-3-Clause
#include "core/cuda/grids.hpp"
#include "core/cuda/training_arguments.hpp"
#include "torch/cuda/arguments.hpp"
#include "torch/cuda/pairs.hpp"
#include "torch/cuda/training.hpp"
#include "torch/cuda/training_kernels.hpp"

namespace hipnn_ts {
namespace cuda {
namespace {

using at::Tensor;

/// Warps of a group's block: with one each, few groups would leave a GPU idle.
int group_warps(int64_t n_blocks) {
  return n_blocks < 8192 ? 8 : 4;
}

/// A checked form in the kernels' layout, which must outlive its use.
class Problem {
public:
  Problem(Device& device, const Form& form, const Three& along = {})
      : form_(form), along_(along),
        module_(training_module(device, form.any().scalar_type(), form.sizes.n_components)) {
    PairTensors& pairs = form_.pairs;
    const auto type = form_.any().scalar_type();
    const at::Device where = form_.any().device();
    const int64_t n = form_.n_pairs();
    for (const Factor f : {components, sensitivities, projections, moments}) {
      take(form_.factors[f], f);
      if (f != moments) {
        take(along_[f], f);
      }
    }
    for (Tensor* t : {&pairs.first, &pairs.count, &pairs.receivers, &pairs.senders}) {
      *t = t->contiguous();
    }
    check(pairs.receivers, "receivers", at::kLong, {n}, where);
    check(pairs.senders, "senders", at::kLong, {n}, where);
    check(pairs.first, "first", at::kInt, {n}, where);
    check(pairs.count, "count", at::kInt, {n}, where);
    pairs_ = training_pairs(device, pairs, form_.sizes, type);
  }

  /// Uninitialised, or undefined if not wanted.
  Tensor empty(Factor f, bool wanted = true) const {
    return wanted ? at::empty(form_.sizes.shape(f, form_.n_pairs()), form_.any().options())
                  : Tensor();
  }

  void sum_moments(const char* kernel, const Tensor& out) const {
    with_type(form_.any(), [&](auto zero) {
      using T = decltype(zero);
      auto x = arguments<T>(pairs_->by_receiver());
      x.out = out.data_ptr<T>();
      launch(kernel, form_.sizes.n_receivers, passes(), form_.sizes.n_components, x);
    });
  }

  void find_pair_gradients(const char* kernel, const Tensor& y, const Tensor& s) const {
    with_type(form_.any(), [&](auto zero) {
      using T = decltype(zero);
      auto x = arguments<T>(pairs_->by_receiver());
      x.components = y.defined() ? y.data_ptr<T>() : nullptr;
      x.sensitivities = s.defined() ? s.data_ptr<T>() : nullptr;
      launch(kernel, form_.sizes.n_receivers, 1, 0, x);
    });
  }

  void find_projections_gradient(const char* kernel, const Tensor& out) const {
    with_type(form_.any(), [&](auto zero) {
      using T = decltype(zero);
      auto x = arguments<T>(pairs_->by_sender());
      x.out = out.data_ptr<T>();
      const int64_t rows = std::min<int64_t>(x.n_sensitivities, projection_chunk);
      launch(kernel, form_.sizes.n_senders, passes() * x.n_chunks, rows, x);
    });
  }

private:
  void take(Tensor& t, Factor f) const {
    if (t.defined()) {
      const Tensor& any = form_.any();
      check(
          t, factor_names[f], any.scalar_type(), form_.sizes.shape(f, form_.n_pairs()),
          any.device());
      t = t.contiguous();
    }
  }

  int passes() const {
    return static_cast<int>((form_.sizes.n_features + warp_size - 1) / warp_size);
  }

  template <class T> MomentsArguments<T> arguments(const GroupedPairs& pairs) const {
    const auto pointer = [](const Tensor& t) {
      return t.defined() ? t.const_data_ptr<T>() : nullptr;
    };
    const auto& [y, s, p, g] = form_.factors;
    MomentsArguments<T> x{};
    x.pairs = pairs;
    x.n_sensitivities = static_cast<int>(form_.sizes.n_sensitivities);
    x.window = static_cast<int>(form_.sizes.window);
    x.n_features = static_cast<int>(form_.sizes.n_features);
    x.n_chunks = (x.n_sensitivities + projection_chunk - 1) / projection_chunk;
    x.factors = {pointer(y), pointer(s), pointer(p)};
    x.along = {pointer(along_[0]), pointer(along_[1]), pointer(along_[2])};
    x.moments = pointer(g);
    x.start = pairs_->start.const_data_ptr<T>();
    return x;
  }

  /// A block for each group, with `rows` of 32 features for each of its warps.
  template <class T>
  void launch(
      const char* kernel, int64_t n_groups, int passes, int64_t rows,
      const MomentsArguments<T>& x) const {
    const int n_warps = group_warps(n_groups * passes);
    const auto bytes = static_cast<int>(n_warps * rows * warp_size * sizeof(T));
    if (passes > 0) {
      module_.launch(kernel, {n_groups, n_warps * warp_size, passes, bytes}, x);
    }
  }

  Form form_;
  Three along_;
  Module& module_;
  std::shared_ptr<const TrainingPairs> pairs_;
};

} // namespace

Tensor moments_on(Device& device, const Form& form) {
  const Problem problem(device, form);
  const Tensor out = problem.empty(moments);
  problem.sum_moments("moments", out);
  return out;
}

Three gradients_on(Device& device, const Form& form, std::array<bool, 3> wanted) {
  const Problem problem(device, form);
  Three out;
  for (const Factor f : {components, sensitivities, projections}) {
    out[f] = problem.empty(f, wanted[f]);
  }
  if (wanted[components] || wanted[sensitivities]) {
    problem.find_pair_gradients("pair_gradients", out[components], out[sensitivities]);
  }
  if (wanted[projections]) {
    problem.find_projections_gradient("projections_gradient", out[projections]);
  }
  return out;
}

std::array<Tensor, 4>
change_on(Device& device, const Form& form, const Three& along, std::array<bool, 4> wanted) {
  const Problem problem(device, form, along);
  std::array<Tensor, 4> out;
  for (const Factor f : {components, sensitivities, projections, moments}) {
    out[f] = problem.empty(f, wanted[f]);
  }
  if (wanted[moments]) {
    problem.sum_moments("moments_change", out[moments]);
  }
  if (wanted[components] || wanted[sensitivities]) {
    problem.find_pair_gradients("pair_gradients_change", out[components], out[sensitivities]);
  }
  if (wanted[projections]) {
    problem.find_projections_gradient("projections_gradient_change", out[projections]);
  }
  return out;
}

} // namespace cuda
} // namespace hipnn_ts
