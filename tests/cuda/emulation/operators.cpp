// SPDX-License-Identifier: BSD-3-Clause
//
// The device's operators on the emulated device, as torch.ops.hipnn_ts_emulated.
#include <torch/library.h>

#include "core/cuda/rank_step.hpp"
#include "core/network.hpp"
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

const double* numbers(const Tensor& t) {
  return t.const_data_ptr<double>();
}

/// A rank's step, block by block. Ghosts have the features that `ghosts` (one tensor
/// (n - n_receivers, n_in) for each block but the first) gives.
struct Rank {
  int64_t n_receivers;
  Tensor species, positions;
  at::TensorList ghosts;
  std::vector<int64_t> widths; // of the features that enter each block

  int64_t n() const { return species.size(0); }
  Tensor zeros(at::IntArrayRef shape) const { return at::zeros(shape, positions.options()); }
};

/// Energies (n_receivers,), forces (n, 3), virial (6,), and of each block but the first the
/// gradients of what entered it: of all atoms that are no receivers. Here by the host's kernels,
/// which find no pairs.
std::vector<Tensor> step_by_blocks(
    hipnn_ts::Network<double>& network, const Rank& rank, const Tensor& receivers,
    const Tensor& senders) {
  const Tensor to = receivers.to(at::kInt), from = senders.to(at::kInt);
  const Tensor vectors =
      rank.positions.index_select(0, senders) - rank.positions.index_select(0, receivers);
  network.begin(
      {rank.n(), rank.n_receivers, receivers.size(0), rank.species.const_data_ptr<int64_t>(),
       to.const_data_ptr<int32_t>(), from.const_data_ptr<int32_t>(), numbers(vectors), 1});
  const int last = network.n_blocks() - 1;
  const Tensor energies = rank.zeros({rank.n_receivers}), pair_gradients = at::zeros_like(vectors);
  std::vector<Tensor> features(last + 1), gradients(last + 1);
  const auto pointer = [](const Tensor& t) { return t.defined() ? t.data_ptr<double>() : nullptr; };
  for (int k = 0; k < last; ++k) {
    const Tensor out = rank.zeros({rank.n_receivers, rank.widths[k + 1]});
    network.forward(k, pointer(features[k]), pointer(out), pointer(energies));
    features[k + 1] = at::cat({out, rank.ghosts[k]}).contiguous();
    gradients[k + 1] = rank.zeros({rank.n(), rank.widths[k + 1]});
  }
  network.last(
      pointer(features[last]), pointer(energies), pointer(gradients[last]),
      pointer(pair_gradients));
  for (int k = last - 1; k >= 0; --k) {
    const Tensor above = gradients[k + 1].narrow(0, 0, rank.n_receivers).clone();
    network.backward(k, pointer(above), pointer(gradients[k]), pointer(pair_gradients));
  }
  const Tensor forces = rank.zeros({rank.n(), 3});
  network.forces(numbers(pair_gradients), forces.data_ptr<double>());
  const Tensor virial = -vectors.t().matmul(pair_gradients);
  std::vector<Tensor> out{
      energies, forces,
      at::stack(
          {virial[0][0], virial[1][1], virial[2][2], virial[0][1], virial[0][2], virial[1][2]})};
  for (int k = last; k > 0; --k) {
    out.push_back(gradients[k].narrow(0, rank.n_receivers, rank.n() - rank.n_receivers));
  }
  return out;
}

/// The same by the device's.
std::vector<Tensor>
step_by_blocks(hipnn_ts::cuda::RankStep<double>& step, const Rank& rank, double cutoff) {
  const int64_t n = rank.n(), others = n - rank.n_receivers;
  hipnn_ts::cuda::RankAtoms atoms;
  atoms.n_receivers = rank.n_receivers;
  atoms.n_rows = n;
  for (int k = 0; k < n; ++k) {
    atoms.row_of_image.push_back(k);
  }
  atoms.shifts.resize(3 * n);
  const auto* species = rank.species.const_data_ptr<int64_t>();
  step.set_atoms(atoms, {}, numbers(rank.positions), cutoff + 1.0);
  step.set_species(std::vector<int>(species, species + n));
  const double box[9] = {};
  step.move(numbers(rank.positions), box);
  step.begin();
  step.choose(0, true);
  const int last = step.n_blocks() - 1;
  for (int k = 0; k <= last; ++k) {
    if (k > 0) {
      step.give_features(k, numbers(rank.ghosts[k - 1].contiguous()));
    }
    step.forward(k);
  }
  std::vector<Tensor> gradients;
  for (int k = last; k >= 0; --k) {
    step.backward(k);
    if (k > 0) {
      gradients.push_back(rank.zeros({others, rank.widths[k]}));
      step.fetch_gradients(k, gradients.back().data_ptr<double>());
    }
  }
  const auto& found = step.results(hipnn_ts::cuda::RowVirials::none);
  const auto copied = [&](const double* values, at::IntArrayRef shape) {
    return at::from_blob(const_cast<double*>(values), shape, rank.positions.options()).clone();
  };
  std::vector<Tensor> out{
      copied(found.energies, {rank.n_receivers}), copied(found.forces, {n, 3}),
      copied(found.virial, {6})};
  out.insert(out.end(), gradients.begin(), gradients.end());
  return out;
}

std::vector<Tensor> blocks(
    bool on_device, int64_t n_receivers, const Tensor& species, const Tensor& positions,
    const Tensor& receivers, const Tensor& senders, at::TensorList ghosts, const Tensor& document) {
  const auto model = hipnn_ts::loaded_model(document);
  const auto members = model->model()->all_weights<double>();
  Rank rank{n_receivers, species, positions, ghosts, {}};
  for (const auto& block : members.front().blocks) {
    rank.widths.push_back(block.n_in);
  }
  if (on_device) {
    const double cutoff = model->architecture().cutoff;
    const std::vector<double> nothing(model->architecture().n_species(), 0.0);
    hipnn_ts::cuda::RankStep<double> step(device(), members, nothing, {}, cutoff);
    return step_by_blocks(step, rank, cutoff);
  }
  hipnn_ts::Network<double> network(members);
  return step_by_blocks(network, rank, receivers, senders);
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
      "blocks(bool on_device, int n_receivers, Tensor species, Tensor positions, Tensor receivers, "
      "Tensor senders, Tensor[] ghosts, Tensor document) -> Tensor[]",
      &blocks);
  m.def("searches(int potential) -> int", &searches);
  m.def("peak_bytes() -> int", &peak_bytes);
  m.def("waits() -> int", &waits);
  m.def("record(bool recording) -> ()", &record);
}
