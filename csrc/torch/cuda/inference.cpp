// SPDX-License-Identifier: BSD-3-Clause
#include "torch/cuda/inference.hpp"

#include <limits>

#include "core/cuda/grids.hpp"
#include "core/cuda/network.hpp"
#include "torch/cuda/arguments.hpp"

namespace hipnn_ts {
namespace cuda {
namespace {

using at::Tensor;

/// An index that kernels trust, and whether it was in range.
class Indices {
public:
  Indices(Module& module, const Tensor& like)
      : module_(module), flag_(at::zeros({1}, like.options().dtype(at::kInt))) {}

  /// int32, within [0, limit).
  Tensor narrow(const Tensor& index, int64_t limit) {
    Tensor out = at::empty(index.sizes(), flag_.options());
    module_.launch(
        "narrow", over(index.numel()),
        NarrowArguments{
            index.numel(), limit, long_pointer(index), out.data_ptr<int>(), flag_.data_ptr<int>()});
    return out;
  }

  void poison(const Tensor& energies) {
    module_.launch(
        "poison", over(energies.numel()),
        PoisonArguments{
            energies.numel(), flag_.const_data_ptr<int>(), energies.data_ptr<double>()});
  }

private:
  Module& module_;
  Tensor flag_;
};

template <class T>
std::tuple<Tensor, Tensor>
run(Device& device, LoadedModel& model, const Tensor& species, const Tensor& receivers,
    const Tensor& senders, const Tensor& vectors) {
  const auto packed = model.on_device<T>(device, 0);
  const int64_t n = species.size(0);
  Indices indices(device.module(packed->blocks.front().wide.constants), species);
  const Tensor kinds = indices.narrow(species, packed->n_species);
  const Tensor to = indices.narrow(receivers, n), from = indices.narrow(senders, n);
  const Sorted by_receiver(to, n), by_sender(from, n);
  const Tensor cast = vectors.to(c10::CppTypeToScalarType<T>::value).contiguous();
  Tensor energies = at::zeros({n}, species.options().dtype(at::kDouble));
  const Tensor senders_of = by_receiver.others(from), receivers_of = by_sender.others(to);
  Tensor pair_gradients;
  const int n_members = model.n_members();
  for (int member = 0; member < n_members; ++member) {
    const auto weights = model.on_device<T>(device, member);
    Network<T> network(device, *weights);
    run_step<T>(
        device, network,
        {n, n, kinds.const_data_ptr<int>(), cast.template const_data_ptr<T>(),
         by_receiver.groups(senders_of), by_sender.groups(receivers_of)},
        energies.data_ptr<double>(), [&] {
          if (!pair_gradients.defined()) {
            pair_gradients = at::zeros(vectors.sizes(), cast.options());
          }
          return pair_gradients.data_ptr<T>();
        });
  }
  if (n_members > 1) {
    energies.div_(n_members);
    pair_gradients.div_(n_members);
  }
  indices.poison(energies);
  return {energies, pair_gradients};
}

} // namespace

std::tuple<Tensor, Tensor> network_energies_on(
    Device& device, LoadedModel& model, const Tensor& species, const Tensor& receivers,
    const Tensor& senders, const Tensor& vectors) {
  const int64_t n_pairs = receivers.numel();
  TORCH_CHECK(
      n_pairs <= std::numeric_limits<int32_t>::max(), "expected fewer than 2^31 pairs, found ",
      n_pairs);
  const at::Device where = species.device();
  check(species, "species", at::kLong, {species.numel()}, where);
  check(receivers, "receivers", at::kLong, {n_pairs}, where);
  check(senders, "senders", at::kLong, {n_pairs}, where);
  check(vectors, "vectors", vectors.scalar_type(), {n_pairs, 3}, where);
  return model.with_precision([&](auto one) {
    return run<decltype(one)>(device, model, species.contiguous(), receivers, senders, vectors);
  });
}

std::tuple<Tensor, Tensor> evaluate_on(
    Device& device, const Tensor& species, const Tensor& receivers, const Tensor& senders,
    const Tensor& vectors, const Tensor& document) {
  const auto model = loaded_model(document);
  const auto [energies, gradients] =
      network_energies_on(device, *model, species, receivers, senders, vectors);
  const Tensor own = model->self_energies_on(species.device());
  // A species out of range has already made every energy NaN.
  const Tensor kinds = species.clamp(0, own.numel() - 1);
  return {energies + own.index_select(0, kinds), gradients};
}

} // namespace cuda
} // namespace hipnn_ts
