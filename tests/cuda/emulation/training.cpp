// SPDX-License-Identifier: BSD-3-Clause
//
// The training operators on the emulated device.
#include <torch/library.h>

#include "emulation/device.hpp"
#include "torch/cuda/pairs.hpp"
#include "torch/cuda/training.hpp"

namespace {

using at::Tensor;
using emulation::device;

hipnn_ts::Form form_of(at::TensorList factors, at::TensorList pairs) {
  const Tensor &y = factors[0], &s = factors[1], &p = factors[2], &g = factors[3];
  return {
      {y, s, p, g},
      {pairs[0], pairs[1], pairs[2], pairs[3]},
      {g.size(0), p.size(0), y.size(1), s.size(1), p.size(1), p.size(2)}};
}

/// Undefined where empty.
hipnn_ts::Three three(at::TensorList t) {
  hipnn_ts::Three out;
  for (size_t k = 0; k < 3; ++k) {
    out[k] = t[k].numel() > 0 ? t[k] : Tensor();
  }
  return out;
}

/// The moments, or their gradients with respect to the first three of `factors`, or how those,
/// paired with three directions, change with the four. `pairs`: first, count, receivers, senders.
Tensor moments(at::TensorList factors, at::TensorList pairs) {
  return hipnn_ts::cuda::moments_on(device(), form_of(factors, pairs));
}

std::vector<Tensor> moments_backward(at::TensorList factors, at::TensorList pairs) {
  const auto out =
      hipnn_ts::cuda::gradients_on(device(), form_of(factors, pairs), {true, true, true});
  return {out.begin(), out.end()};
}

std::vector<Tensor>
moments_double_backward(at::TensorList factors, at::TensorList pairs, at::TensorList directions) {
  const auto out = hipnn_ts::cuda::change_on(
      device(), form_of(factors, pairs), three(directions), {true, true, true, true});
  return {out.begin(), out.end()};
}

/// Whether these pairs would be sorted and looked at again.
bool same_pairs(at::TensorList factors, at::TensorList before, at::TensorList now) {
  const auto made = [&](at::TensorList pairs) {
    const auto form = form_of(factors, pairs);
    return hipnn_ts::cuda::training_pairs(
        device(), form.pairs, form.sizes, factors[0].scalar_type());
  };
  return made(before) == made(now);
}

hipnn_ts::cuda::SensitivityFactorTensors four(at::TensorList t) {
  return {t[0], t[1], t[2], t[3]};
}

std::vector<Tensor> listed(const hipnn_ts::cuda::SensitivityFactorTensors& f) {
  return {std::get<0>(f), std::get<1>(f), std::get<2>(f), std::get<3>(f)};
}

Tensor
sensitivities(at::TensorList factors, const Tensor& first, const Tensor& count, int64_t window) {
  return hipnn_ts::cuda::sensitivities_on(device(), four(factors), first, count, window);
}

std::vector<Tensor> sensitivities_backward(
    const Tensor& h, at::TensorList factors, const Tensor& first, const Tensor& count) {
  return listed(
      hipnn_ts::cuda::sensitivities_backward_on(device(), h, four(factors), first, count));
}

std::vector<Tensor> sensitivities_double_backward(
    const Tensor& h, at::TensorList factors, const Tensor& first, const Tensor& count,
    at::TensorList directions) {
  auto [change, gradients] = hipnn_ts::cuda::sensitivities_double_backward_on(
      device(), h, four(factors), first, count, four(directions));
  std::vector<Tensor> out = listed(gradients);
  out.insert(out.begin(), change);
  return out;
}

template <class Tuple> std::vector<Tensor> vector_of(const Tuple& t) {
  return std::apply([](const auto&... each) { return std::vector<Tensor>{each...}; }, t);
}

std::vector<Tensor> geometry(const Tensor& vectors, int64_t n_components, double cutoff) {
  return vector_of(hipnn_ts::cuda::geometry_on(device(), vectors, n_components, cutoff));
}

/// The gradient with respect to the vectors, then what it gives in turn.
std::vector<Tensor> geometry_backward(
    at::TensorList gradients, const Tensor& vectors, const Tensor& directions, double cutoff) {
  const Tensor first =
      hipnn_ts::cuda::geometry_backward_on(device(), four(gradients), vectors, cutoff);
  const auto [along, second] = hipnn_ts::cuda::geometry_double_backward_on(
      device(), four(gradients), vectors, directions, cutoff, true);
  std::vector<Tensor> out = vector_of(along);
  out.insert(out.begin(), {first, second});
  return out;
}

hipnn_ts::cuda::InvariantsTensors invariant_factors(at::TensorList t) {
  return {t[0], t[1]};
}

Tensor polynomials(const Tensor& moments, int64_t n_max) {
  return hipnn_ts::cuda::polynomials_on(device(), moments, n_max);
}

std::vector<Tensor>
polynomials_backward(const Tensor& g, const Tensor& moments, const Tensor& direction) {
  const Tensor first = hipnn_ts::cuda::polynomials_backward_on(device(), g, moments);
  const auto [change, second] =
      hipnn_ts::cuda::polynomials_double_backward_on(device(), g, moments, direction);
  return {first, change, second};
}

Tensor invariants(at::TensorList factors, double cusp) {
  return hipnn_ts::cuda::invariants_on(device(), invariant_factors(factors), cusp);
}

std::vector<Tensor> invariants_backward(
    const Tensor& g, at::TensorList factors, at::TensorList directions, double cusp) {
  std::vector<Tensor> out = vector_of(
      hipnn_ts::cuda::invariants_backward_on(device(), g, invariant_factors(factors), cusp));
  const auto [change, second] = hipnn_ts::cuda::invariants_double_backward_on(
      device(), g, invariant_factors(factors), invariant_factors(directions), cusp);
  out.push_back(change);
  for (const Tensor& t : vector_of(second)) {
    out.push_back(t);
  }
  return out;
}

std::tuple<Tensor, Tensor>
active_windows(const Tensor& distances, const Tensor& mu, const Tensor& sigma) {
  return hipnn_ts::cuda::active_windows_on(device(), distances, mu, sigma);
}

} // namespace

TORCH_LIBRARY_FRAGMENT(hipnn_ts_emulated, m) {
  m.def("moments(Tensor[] factors, Tensor[] pairs) -> Tensor", &moments);
  m.def("moments_backward(Tensor[] factors, Tensor[] pairs) -> Tensor[]", &moments_backward);
  m.def(
      "moments_double_backward(Tensor[] factors, Tensor[] pairs, Tensor[] directions) -> Tensor[]",
      &moments_double_backward);
  m.def("same_pairs(Tensor[] factors, Tensor[] before, Tensor[] now) -> bool", &same_pairs);
  m.def("geometry(Tensor vectors, int n_components, float cutoff) -> Tensor[]", &geometry);
  m.def(
      "geometry_backward(Tensor[] gradients, Tensor vectors, Tensor directions, float cutoff) -> "
      "Tensor[]",
      &geometry_backward);
  m.def("polynomials(Tensor moments, int n_max) -> Tensor", &polynomials);
  m.def(
      "polynomials_backward(Tensor g, Tensor moments, Tensor direction) -> Tensor[]",
      &polynomials_backward);
  m.def("invariants(Tensor[] factors, float cusp) -> Tensor", &invariants);
  m.def(
      "invariants_backward(Tensor g, Tensor[] factors, Tensor[] directions, float cusp) -> "
      "Tensor[]",
      &invariants_backward);
  m.def(
      "sensitivities(Tensor[] factors, Tensor first, Tensor count, int window) -> Tensor",
      &sensitivities);
  m.def(
      "sensitivities_backward(Tensor h, Tensor[] factors, Tensor first, Tensor count) -> Tensor[]",
      &sensitivities_backward);
  m.def(
      "sensitivities_double_backward(Tensor h, Tensor[] factors, Tensor first, Tensor count, "
      "Tensor[] directions) -> Tensor[]",
      &sensitivities_double_backward);
  m.def(
      "active_windows(Tensor distances, Tensor mu, Tensor sigma) -> (Tensor, Tensor)",
      &active_windows);
}
