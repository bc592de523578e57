// SPDX-License-Identifier: BSD-3-Clause
//
// Energies and pair gradients of a whole network, without autograd.
#include <ATen/Parallel.h>
#include <torch/library.h>

#include "torch/checks.hpp"
#include "torch/loaded_model.hpp"

namespace hipnn_ts {
namespace {

using at::Tensor;

template <class T>
std::tuple<Tensor, Tensor> compute(
    LoadedModel& model, const Tensor& species, const Tensor& receivers, const Tensor& senders,
    const Tensor& vectors) {
  const int64_t n = species.size(0);
  const Tensor cast = vectors.to(c10::CppTypeToScalarType<T>::value).contiguous();
  Tensor energies = at::empty({n}, species.options().dtype(at::kDouble));
  Tensor pair_gradients = at::empty(vectors.sizes(), cast.options());
  compute_mean(
      *model.model(), *model.evaluation<T>(),
      {n, n, receivers.size(0), species.const_data_ptr<int64_t>(),
       receivers.const_data_ptr<int32_t>(), senders.const_data_ptr<int32_t>(),
       cast.const_data_ptr<T>(), at::get_num_threads()},
      energies.data_ptr<double>(), pair_gradients.data_ptr<T>());
  return {energies, pair_gradients};
}

/// With self energies, which format 1 stores elsewhere.
std::tuple<Tensor, Tensor> checked_evaluate(
    LoadedModel& model, const Tensor& species, const Tensor& receivers, const Tensor& senders,
    const Tensor& vectors) {
  const int64_t n_pairs = receivers.numel();
  check(species, "species", at::kLong, {species.numel()});
  check(receivers, "receivers", at::kLong, {n_pairs});
  check(senders, "senders", at::kLong, {n_pairs});
  check(vectors, "vectors", vectors.scalar_type(), {n_pairs, 3});
  const auto narrow = [&](const Tensor& index, const char* name) {
    const Tensor dense = index.contiguous();
    check_index<int64_t>(dense, name, n_pairs, species.numel());
    return dense.to(at::kInt);
  };
  try {
    return model.with_precision([&](auto one) {
      return compute<decltype(one)>(
          model, species.contiguous(), narrow(receivers, "receivers"), narrow(senders, "senders"),
          vectors);
    });
  } catch (const std::invalid_argument& error) {
    C10_THROW_ERROR(Error, error.what());
  }
}

std::tuple<Tensor, Tensor> evaluate(
    const Tensor& species, const Tensor& receivers, const Tensor& senders, const Tensor& vectors,
    const Tensor& document) {
  return checked_evaluate(*loaded_model(document), species, receivers, senders, vectors);
}

/// For code in files of format 1, which adds self energies itself.
std::tuple<Tensor, Tensor> energies_and_pair_gradients(
    const Tensor& species, const Tensor& receivers, const Tensor& senders, const Tensor& vectors,
    at::TensorList weights, at::IntArrayRef sizes, at::ArrayRef<double> scalars) {
  return checked_evaluate(
      *loaded_model(weights, sizes, scalars), species, receivers, senders, vectors);
}

std::tuple<Tensor, Tensor> energies_and_pair_gradients_meta(
    const Tensor& species, const Tensor&, const Tensor&, const Tensor& vectors,
    at::TensorList weights, at::IntArrayRef, at::ArrayRef<double>) {
  return {
      at::empty(species.sizes(), species.options().dtype(at::kDouble)),
      at::empty(vectors.sizes(), vectors.options().dtype(weights[0].scalar_type()))};
}

template <class Use> void for_each_evaluation(const Tensor& document, const Use& use) {
  const auto model = loaded_model(document);
  model->with_precision([&](auto one) { model->evaluations<decltype(one)>().for_each(use); });
}

/// Memory of the buffers from evaluating a document.
int64_t inference_bytes(const Tensor& document) {
  int64_t total = 0;
  for_each_evaluation(document, [&](const auto& evaluation) { total += evaluation.bytes(); });
  return total;
}

/// Seconds spent in each stage of evaluating it, summed over threads.
c10::Dict<std::string, double> inference_seconds(const Tensor& document) {
  c10::Dict<std::string, double> total;
  for (const char* name : stage_names) {
    total.insert(name, 0.0);
  }
  for_each_evaluation(document, [&](const auto& evaluation) {
    const StageSeconds seconds = evaluation.stage_seconds();
    for (size_t s = 0; s < stage_names.size(); ++s) {
      total.insert_or_assign(stage_names[s], total.at(stage_names[s]) + seconds.of[s]);
    }
  });
  return total;
}

} // namespace

TORCH_LIBRARY_FRAGMENT(hipnn_ts, m) {
  m.def("inference_bytes(Tensor document) -> int", &inference_bytes);
  m.def("inference_seconds(Tensor document) -> Dict(str, float)", &inference_seconds);
  m.def(
      "evaluate(Tensor species, Tensor receivers, Tensor senders, Tensor vectors, "
      "Tensor document) -> (Tensor, Tensor)");
  m.def(
      "energies_and_pair_gradients(Tensor species, Tensor receivers, Tensor senders, "
      "Tensor vectors, Tensor[] weights, int[] sizes, float[] scalars) -> (Tensor, Tensor)");
}

TORCH_LIBRARY_IMPL(hipnn_ts, CPU, m) {
  m.impl("evaluate", &evaluate);
  m.impl("energies_and_pair_gradients", &energies_and_pair_gradients);
}

TORCH_LIBRARY_IMPL(hipnn_ts, Meta, m) {
  m.impl("energies_and_pair_gradients", &energies_and_pair_gradients_meta);
}

} // namespace hipnn_ts
