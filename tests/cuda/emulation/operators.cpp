// SPDX-License-Identifier: BSD-3-Clause
//
// The device's operators on the emulated device, as torch.ops.hipnn_ts_emulated.
#include <torch/library.h>

#include "core/cuda/staged.hpp"
#include "emulation/device.hpp"
#include "torch/cuda/energy_and_forces.hpp"
#include "torch/cuda/inference.hpp"
#include "torch/loaded_model.hpp"

emulation::EmulatedDevice& emulation::device() {
  static emulation::EmulatedDevice emulated(
      std::getenv("HIPNN_TS_EMULATION_COMPILE"), std::getenv("HIPNN_TS_EMULATION_FOLDER"));
  return emulated;
}

namespace {

using at::Tensor;
using emulation::device;

std::tuple<Tensor, Tensor> evaluate_pairs(
    const Tensor& species, const Tensor& receivers, const Tensor& senders, const Tensor& vectors,
    const Tensor& document) {
  return hipnn_ts::cuda::evaluate_on(device(), species, receivers, senders, vectors, document);
}

/// EnergyAndForces on the device, by number.
struct Potential {
  hipnn_ts::cuda::OnDevice on_device;
  hipnn_ts::ForceChecks checks;
};
std::vector<std::unique_ptr<Potential>> potentials;

int64_t create(
    const Tensor& document, const Tensor& particles, const Tensor& species, const Tensor& limits,
    int64_t n_particles, bool stop, double length, double energy) {
  potentials.push_back(
      std::unique_ptr<Potential>(new Potential{
          {device(),
           at::kCPU,
           {document, particles, species, limits, n_particles, stop, length, energy}},
          {particles, limits, stop}}));
  return static_cast<int64_t>(potentials.size()) - 1;
}

std::tuple<Tensor, Tensor>
step(int64_t potential, const Tensor& positions, const std::optional<Tensor>& box) {
  hipnn_ts::Box periodic;
  if (box) {
    periodic = {{true, true, true}, box->const_data_ptr<double>()};
  }
  Potential& p = *potentials[potential];
  return p.on_device.evaluate(positions, periodic, p.checks);
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
    const Tensor& senders, const Tensor& vectors, at::TensorList ghosts, const Tensor& document) {
  const auto model = hipnn_ts::loaded_model(document);
  const auto members = model->model()->all_weights<double>();
  std::vector<int64_t> widths;
  for (const auto& block : members.front().blocks) {
    widths.push_back(block.n_in);
  }
  const auto run = [&](auto& network) {
    return run_blocks(network, widths, n_receivers, species, receivers, senders, vectors, ghosts);
  };
  if (on_device) {
    hipnn_ts::cuda::StagedNetwork<double> network(device(), members);
    return run(network);
  }
  hipnn_ts::Network<double> network(members);
  return run(network);
}

int64_t searches(int64_t potential) {
  return potentials[potential]->on_device.searches();
}

int64_t peak_bytes() {
  return device().peak();
}

int64_t waits() {
  return device().waits();
}

void record(bool recording) {
  device().record(recording);
}

} // namespace

TORCH_LIBRARY(hipnn_ts_emulated, m) {
  m.def(
      "evaluate(Tensor species, Tensor receivers, Tensor senders, Tensor vectors, "
      "Tensor document) -> (Tensor, Tensor)",
      &evaluate_pairs);
  m.def(
      "create(Tensor document, Tensor particles, Tensor species, Tensor limits, int n_particles, "
      "bool stop, float length, float energy) -> int",
      &create);
  m.def("step(int potential, Tensor positions, Tensor? box) -> (Tensor, Tensor)", &step);
  m.def(
      "blocks(bool on_device, int n_receivers, Tensor species, Tensor receivers, Tensor senders, "
      "Tensor vectors, Tensor[] ghosts, Tensor document) -> Tensor[]",
      &blocks);
  m.def("searches(int potential) -> int", &searches);
  m.def("peak_bytes() -> int", &peak_bytes);
  m.def("waits() -> int", &waits);
  m.def("record(bool recording) -> ()", &record);
}
