// SPDX-License-Identifier: BSD-3-Clause
//
// The device's operators on the emulated device, as torch.ops.hipnn_ts_emulated.
#include <torch/library.h>

#include "core/cuda/staged.hpp"
#include "emulation/device.hpp"
#include "torch/cuda/energy_and_forces.hpp"
#include "torch/cuda/inference.hpp"
#include "torch/packed.hpp"

emulation::EmulatedDevice& emulation::device() {
  static emulation::EmulatedDevice emulated(
      std::getenv("HIPNN_TS_EMULATION_COMPILE"), std::getenv("HIPNN_TS_EMULATION_FOLDER"));
  return emulated;
}

namespace {

using at::Tensor;
using emulation::device;

std::tuple<Tensor, Tensor> energies_and_pair_gradients(
    const Tensor& species, const Tensor& receivers, const Tensor& senders, const Tensor& vectors,
    at::TensorList weights, at::IntArrayRef sizes, at::ArrayRef<double> scalars) {
  return hipnn_ts::cuda::energies_and_pair_gradients_on(
      device(), species, receivers, senders, vectors, weights, sizes, scalars);
}

/// EnergyAndForces on the device, by number.
struct Potential {
  hipnn_ts::cuda::OnDevice on_device;
  hipnn_ts::ForceChecks checks;
};
std::vector<std::unique_ptr<Potential>> potentials;

int64_t create(at::TensorList tensors, at::IntArrayRef sizes, at::ArrayRef<double> scalars) {
  potentials.push_back(
      std::unique_ptr<Potential>(new Potential{
          {device(), at::kCPU, tensors.vec(), sizes.vec(), scalars.vec()},
          {tensors[0], tensors[1], tensors[3], sizes[1] != 0}}));
  return static_cast<int64_t>(potentials.size()) - 1;
}

std::tuple<Tensor, Tensor>
evaluate(int64_t potential, const Tensor& positions, const std::optional<Tensor>& box) {
  hipnn_ts::Box periodic;
  if (box) {
    periodic.periodic = true;
    std::copy_n(box->const_data_ptr<double>(), 9, periodic.vectors.begin());
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
  m.def("peak_bytes() -> int", &peak_bytes);
  m.def("waits() -> int", &waits);
  m.def("record(bool recording) -> ()", &record);
}
