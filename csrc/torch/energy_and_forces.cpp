// SPDX-License-Identifier: BSD-3-Clause
//
// From positions to energy and forces in one call: neighbour list, pair vectors, network, forces.
// A host of positions (OpenMM) holds one such object for each of its force objects.
#include <ATen/Parallel.h>
#include <torch/custom_class.h>

#include <map>
#include <mutex>

#include "torch/cuda/energy_and_forces.hpp"
#include "torch/cuda/guard.hpp"
#include "torch/force_checks.hpp"
#include "torch/inference.hpp"
#include "torch/neighbours.hpp"
#include "torch/packed.hpp"

namespace hipnn_ts {
namespace {

using at::Tensor;

/// Grow-only arrays of this thread. Contents live for one call only.
template <class T> struct Arrays {
  Buffer<double> positions, energies, forces;
  Buffer<int32_t> receivers, senders;
  Buffer<T> vectors, gradients;
};

template <class T> Arrays<T>& arrays() {
  static thread_local Arrays<T> a;
  return a;
}

/// What an object is made from, and what pickling keeps.
///
/// Tensors: indices (n,) int64 of the particles that the potential acts on, their species (n,)
/// int64, self energies by species (eV, float64), limits of an ExtrapolationGuard, packed weights.
/// Integers: number of particles of the whole system, whether that guard stops, packed sizes.
/// Numbers: Å in the host's unit of length, the host's units of energy in an eV, packed scalars.
using Parts = std::tuple<std::vector<Tensor>, std::vector<int64_t>, std::vector<double>>;

struct Host {
  int64_t n_particles;
  double length, energy;
};

/// Energy () and forces (n_particles, 3), float64, in the host's units.
using Result = std::tuple<Tensor, Tensor>;

class EnergyAndForces : public torch::CustomClassHolder {
public:
  explicit EnergyAndForces(Parts parts)
      : parts_(checked(std::move(parts))), pool_(cutoff(), skin),
        checks_(particles(), species(), std::get<0>(parts_)[3], std::get<1>(parts_)[1] != 0) {
    const auto& [tensors, sizes, scalars] = parts_;
    host_ = {sizes[0], scalars[0], scalars[1]};
    self_energy_ = tensors[2].index_select(0, tensors[1]).sum().item<double>();
    const at::TensorList weights = at::TensorList(tensors).slice(4);
    const at::IntArrayRef packed_sizes = at::IntArrayRef(sizes).slice(2);
    const at::ArrayRef<double> packed_scalars = at::ArrayRef<double>(scalars).slice(2);
    if (weights[0].scalar_type() == at::kDouble) {
      exact_ = unpack<double>(weights, packed_sizes, packed_scalars);
    } else {
      single_ = unpack<float>(weights, packed_sizes, packed_scalars);
    }
  }

  /// positions (n_particles, 3) in the host's unit of length, either precision; box (3, 3), rows
  /// are the box vectors, where periodic.
  Result evaluate(const Tensor& positions, const std::optional<Tensor>& box) {
    TORCH_CHECK_VALUE(
        positions.dim() == 2 && positions.size(0) == host_.n_particles && positions.size(1) == 3,
        "hipnn-ts: expected the ", host_.n_particles,
        " particles that the force was created for, found a system of ", positions.size(0));
    if (positions.is_cuda()) {
      return run_on_gpu(positions, box);
    }
    const Tensor all = positions.detach().to(at::kCPU, at::kDouble).contiguous();
    const Box periodic = box_from(box, host_.length);
    return exact_ ? run(exact_->weights, all, periodic) : run(single_->weights, all, periodic);
  }

  const Parts& parts() const { return parts_; }
  int64_t searches() const { return pool_.searches(); }

private:
  static Parts checked(Parts parts) {
    auto& [tensors, sizes, scalars] = parts;
    TORCH_CHECK(
        tensors.size() > 4 && sizes.size() > 2 && scalars.size() > 2,
        "expected particles, species, self energies, limits and a packed network");
    for (int k = 0; k < 2; ++k) {
      TORCH_CHECK(
          tensors[k].scalar_type() == at::kLong && tensors[k].dim() == 1 &&
              tensors[k].sizes() == tensors[0].sizes() && tensors[k].numel() > 0,
          "particles and species: expected int64 of one length, at least one of them");
      tensors[k] = tensors[k].contiguous();
      // A species beyond the self energies is refused where these are summed.
      TORCH_CHECK(
          tensors[k].min().item<int64_t>() >= 0 && tensors[0].max().item<int64_t>() < sizes[0],
          "particles: expected indices below ", sizes[0]);
    }
    TORCH_CHECK(
        tensors[3].numel() == 0 || tensors[3].size(0) == tensors[2].numel(),
        "limits: expected one for each two species");
    return parts;
  }

  double cutoff() const { return std::get<2>(parts_)[2]; }
  const Tensor& particles() const { return std::get<0>(parts_)[0]; }
  const Tensor& species() const { return std::get<0>(parts_)[1]; }

  /// Calls search(), whose mistakes name an atom of ours, with the sentence for the host's user.
  template <class Search> auto checked_search(const Search& search) {
    try {
      return search();
    } catch (const WrongPosition& error) {
      const int64_t particle = particles()[error.atom].item<int64_t>();
      TORCH_CHECK_VALUE(false, "hipnn-ts: particle ", particle, ": ", error.what());
    } catch (const std::invalid_argument& error) {
      TORCH_CHECK_VALUE(false, "hipnn-ts: ", error.what());
    }
  }

  /// Energy and forces stay on the GPU that the positions are on.
  Result run_on_gpu(const Tensor& positions, const std::optional<Tensor>& box) {
    return cuda::on_gpu(positions, [&](cuda::Device& device) {
      cuda::OnDevice* potential;
      {
        const std::lock_guard<std::mutex> lock(mutex_);
        auto& found = on_devices_[positions.device().index()];
        if (!found) {
          const auto& [tensors, sizes, scalars] = parts_;
          found =
              std::make_unique<cuda::OnDevice>(device, positions.device(), tensors, sizes, scalars);
        }
        potential = found.get();
      }
      return checked_search(
          [&] { return potential->evaluate(positions, box_from(box, host_.length), checks_); });
    });
  }

  template <class T>
  Result run(const NetworkWeights<T>& weights, const Tensor& positions, const Box& box) {
    const int64_t n = particles().numel();
    const auto* index = particles().const_data_ptr<int64_t>();
    const auto* everywhere = positions.const_data_ptr<double>();
    const int n_threads = at::get_num_threads();
    Arrays<T>& a = arrays<T>();
    double* own = a.positions.resize(3 * n);
    for (int64_t i = 0; i < n; ++i) {
      for (int c = 0; c < 3; ++c) {
        own[3 * i + c] = everywhere[3 * index[i] + c] * host_.length;
      }
    }
    auto neighbours = checked_search([&] { return pool_.take(own, n, box, n_threads); });
    const int64_t room = neighbours->size();
    const int64_t n_pairs = neighbours->gather(
        own, n_threads, a.receivers.resize(room), a.senders.resize(room),
        a.vectors.resize(3 * room));
    pool_.give_back(std::move(neighbours));
    const HostPairs<T> pairs{a.receivers.data(), a.senders.data(), a.vectors.data(), n_pairs};
    checks_.pairs(pairs);
    hipnn_ts::evaluate<T>(
        weights,
        {n, n, n_pairs, species().const_data_ptr<int64_t>(), a.receivers.data(), a.senders.data(),
         a.vectors.data(), n_threads},
        a.energies.resize(n), a.gradients.resize(3 * room), a.forces.resize(3 * n));
    // What is not finite spreads to all particles within a few steps: here it is still near.
    checks_.results(a.energies.data(), a.forces.data(), pairs);
    double energy = self_energy_;
    for (int64_t i = 0; i < n; ++i) {
      energy += a.energies.data()[i];
    }
    Tensor forces = at::zeros({host_.n_particles, 3}, at::kDouble);
    auto* out = forces.data_ptr<double>();
    const double scale = host_.energy * host_.length;
    for (int64_t i = 0; i < n; ++i) {
      for (int c = 0; c < 3; ++c) {
        out[3 * index[i] + c] = a.forces.data()[3 * i + c] * scale;
      }
    }
    return {at::scalar_tensor(energy * host_.energy, at::kDouble), forces};
  }

  Parts parts_;
  NeighbourListPool pool_;
  ForceChecks checks_;
  std::mutex mutex_;
  std::map<int, std::unique_ptr<cuda::OnDevice>> on_devices_; // by index
  Host host_{};
  double self_energy_ = 0.0; // of all atoms, eV
  std::unique_ptr<PackedNetwork<float>> single_;
  std::unique_ptr<PackedNetwork<double>> exact_;
};

} // namespace
} // namespace hipnn_ts

TORCH_LIBRARY_FRAGMENT(hipnn_ts, m) {
  using hipnn_ts::EnergyAndForces;
  using hipnn_ts::Parts;
  using Self = c10::intrusive_ptr<EnergyAndForces>;
  m.class_<EnergyAndForces>("EnergyAndForces")
      .def(torch::init<Parts>())
      .def("evaluate", &EnergyAndForces::evaluate)
      .def("searches", &EnergyAndForces::searches)
      // Neighbour lists stay behind: a copy makes its own.
      .def_pickle(
          [](const Self& self) { return self->parts(); },
          [](Parts parts) { return c10::make_intrusive<EnergyAndForces>(std::move(parts)); });
}
