// SPDX-License-Identifier: BSD-3-Clause
//
// The device's operators on the emulated device, as torch.ops.hipnn_ts_emulated.
#include <torch/library.h>

#include "core/cuda/staged.hpp"
#include "emulation/device.hpp"
#include "torch/cuda/energy_and_forces.hpp"
#include "torch/cuda/inference.hpp"
#include "torch/cuda/pairs.hpp"
#include "torch/cuda/training.hpp"
#include "torch/packed.hpp"

namespace {

using at::Tensor;

emulation::EmulatedDevice& device() {
  static emulation::EmulatedDevice emulated(
      std::getenv("HIPNN_TS_EMULATION_COMPILE"), std::getenv("HIPNN_TS_EMULATION_FOLDER"));
  return emulated;
}

std::tuple<Tensor, Tensor> energies_and_pair_gradients(
    const Tensor& species, const Tensor& receivers, const Tensor& senders, const Tensor& vectors,
    at::TensorList weights, at::IntArrayRef sizes, at::ArrayRef<double> scalars) {
  return hipnn_ts::cuda::energies_and_pair_gradients_on(
      device(), species, receivers, senders, vectors, weights, sizes, scalars);
}

/// EnergyAndForces on the device, by number.
std::vector<std::unique_ptr<hipnn_ts::cuda::OnDevice>> potentials;

int64_t create(at::TensorList tensors, at::IntArrayRef sizes, at::ArrayRef<double> scalars) {
  potentials.push_back(
      std::make_unique<hipnn_ts::cuda::OnDevice>(
          device(), at::kCPU, tensors.vec(), sizes.vec(), scalars.vec()));
  return static_cast<int64_t>(potentials.size()) - 1;
}

std::tuple<Tensor, Tensor>
evaluate(int64_t potential, const Tensor& positions, const std::optional<Tensor>& box) {
  hipnn_ts::Box periodic;
  if (box) {
    periodic.periodic = true;
    std::copy_n(box->const_data_ptr<double>(), 9, periodic.vectors.begin());
  }
  return potentials[potential]->evaluate(positions, periodic);
}

/// A step block by block with arrays of the host, as LAMMPS makes it: energies (n_receivers,), pair
/// gradients (P, 3) and the gradients (n, n_in) that entered each block but the first. Ghosts have
/// the features that `ghosts` (one tensor (n - n_receivers, n_in) for each such block) gives.
template <class Network>
std::vector<Tensor> run_blocks(
    Network& network, const std::vector<int64_t>& widths, int64_t n_receivers,
    const Tensor& species, const Tensor& receivers, const Tensor& senders, const Tensor& vectors,
    at::TensorList ghosts) {
  const int64_t n = species.size(0);
  const Tensor to = receivers.to(at::kInt), from = senders.to(at::kInt);
  network.begin(
      {n, n_receivers, receivers.size(0), species.const_data_ptr<int64_t>(),
       to.const_data_ptr<int32_t>(), from.const_data_ptr<int32_t>(),
       vectors.const_data_ptr<double>(), 1});
  const int last = network.n_blocks() - 1;
  const Tensor energies = at::zeros({n_receivers}, vectors.options());
  const Tensor pair_gradients = at::zeros_like(vectors);
  std::vector<Tensor> features(last + 1), gradients(last + 1);
  const auto pointer = [](const Tensor& t) { return t.defined() ? t.data_ptr<double>() : nullptr; };
  for (int k = 0; k < last; ++k) {
    const Tensor out = at::empty({n_receivers, widths[k + 1]}, vectors.options());
    network.forward(k, pointer(features[k]), pointer(out), pointer(energies));
    features[k + 1] = at::cat({out, ghosts[k]}).contiguous();
    gradients[k + 1] = at::empty({n, widths[k + 1]}, vectors.options());
  }
  network.last(
      pointer(features[last]), pointer(energies), pointer(gradients[last]),
      pointer(pair_gradients));
  for (int k = last - 1; k >= 0; --k) {
    const Tensor above = gradients[k + 1].narrow(0, 0, n_receivers).clone();
    network.backward(k, pointer(above), pointer(gradients[k]), pointer(pair_gradients));
  }
  gradients[0] = pair_gradients;
  gradients.insert(gradients.begin(), energies);
  return gradients;
}

std::vector<Tensor> blocks(
    bool on_device, int64_t n_receivers, const Tensor& species, const Tensor& receivers,
    const Tensor& senders, const Tensor& vectors, at::TensorList ghosts, at::TensorList weights,
    at::IntArrayRef sizes, at::ArrayRef<double> scalars) {
  const auto packed = hipnn_ts::unpack<double>(weights, sizes, scalars);
  std::vector<int64_t> widths;
  for (const auto& block : packed->weights.blocks) {
    widths.push_back(block.n_in);
  }
  const auto run = [&](auto& network) {
    return run_blocks(network, widths, n_receivers, species, receivers, senders, vectors, ghosts);
  };
  if (on_device) {
    hipnn_ts::cuda::StagedNetwork<double> network(device(), packed->weights);
    return run(network);
  }
  hipnn_ts::Network<double> network(packed->weights);
  return run(network);
}

int64_t searches(int64_t potential) {
  return potentials[potential]->searches();
}

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
  return {t[0], t[1], t[2]};
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

TORCH_LIBRARY(hipnn_ts_emulated, m) {
  m.def(
      "energies_and_pair_gradients(Tensor species, Tensor receivers, Tensor senders, "
      "Tensor vectors, Tensor[] weights, int[] sizes, float[] scalars) -> (Tensor, Tensor)",
      &energies_and_pair_gradients);
  m.def("create(Tensor[] tensors, int[] sizes, float[] scalars) -> int", &create);
  m.def("evaluate(int potential, Tensor positions, Tensor? box) -> (Tensor, Tensor)", &evaluate);
  m.def(
      "blocks(bool on_device, int n_receivers, Tensor species, Tensor receivers, Tensor senders, "
      "Tensor vectors, Tensor[] ghosts, Tensor[] weights, int[] sizes, float[] scalars) -> "
      "Tensor[]",
      &blocks);
  m.def("searches(int potential) -> int", &searches);
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
