// SPDX-License-Identifier: BSD-3-Clause
//
// From positions to energy and forces in one call: neighbour list, pair vectors, network, forces. A
// host of positions (OpenMM) has one such object for each of its force objects.
#include <ATen/Parallel.h>
#include <torch/custom_class.h>

#include <map>
#include <mutex>

#include "core/runtime/evaluation.hpp"
#include "torch/cuda/energy_and_forces.hpp"
#include "torch/cuda/guard.hpp"
#include "torch/force_checks.hpp"
#include "torch/force_parts.hpp"
#include "torch/loaded_model.hpp"
#include "torch/neighbours.hpp"

namespace hipnn_ts {
namespace {

using at::Tensor;

/// The objects that a step on the CPU needs.
struct Scratch {
  Evaluation evaluation;
  Buffer<double> positions;
};

/// Energy () and forces (n_particles, 3), float64, in the host's units.
using Result = std::tuple<Tensor, Tensor>;

class EnergyAndForces : public torch::CustomClassHolder {
public:
  explicit EnergyAndForces(ForceParts parts)
      : model_(loaded_model(parts.document)), parts_(checked(std::move(parts), *model_)),
        lists_(
            std::make_shared<NeighbourListPool>(
                model_->architecture().cutoff, usual_neighbour_skin)),
        checks_(parts_.particles, parts_.limits, parts_.stop) {}

  /// positions (n_particles, 3) in the host's unit of length, in either precision; box (3, 3), rows
  /// are the box vectors, if periodic.
  Result evaluate(const Tensor& positions, const std::optional<Tensor>& box) {
    TORCH_CHECK_VALUE(
        positions.dim() == 2 && positions.size(0) == parts_.n_particles && positions.size(1) == 3,
        "hipnn-ts: expected the ", parts_.n_particles,
        " particles that the force was created for, found a system of ", positions.size(0));
    if (positions.is_cuda()) {
      return run_on_gpu(positions, box);
    }
    const Tensor all = positions.detach().to(at::kCPU, at::kDouble).contiguous();
    return run(all, box_from(box, parts_.length));
  }

  const ForceParts& parts() const { return parts_; }
  int64_t searches() const { return lists_->searches(); }

private:
  static ForceParts checked(ForceParts parts, const LoadedModel& model) {
    for (Tensor* index : {&parts.particles, &parts.species}) {
      TORCH_CHECK(
          index->scalar_type() == at::kLong && index->dim() == 1 &&
              index->sizes() == parts.particles.sizes() && index->numel() > 0,
          "particles and species: expected int64 of one length, at least one of them");
      *index = index->contiguous();
    }
    const auto within = [](const Tensor& index, const char* name, int64_t limit) {
      TORCH_CHECK(
          index.min().item<int64_t>() >= 0 && index.max().item<int64_t>() < limit, name,
          ": expected indices below ", limit);
    };
    const int64_t n_species = model.architecture().n_species();
    within(parts.particles, "particles", parts.n_particles);
    within(parts.species, "species", n_species);
    TORCH_CHECK(
        parts.limits.numel() == 0 ||
            parts.limits.sizes() == at::IntArrayRef({n_species, n_species}),
        "limits: expected one for each two species");
    return parts;
  }

  /// Calls search(); an error about one of our atoms then names the host's particle.
  template <class Search> decltype(auto) checked_search(const Search& search) {
    try {
      return search();
    } catch (const WrongPosition& error) {
      const int64_t particle = parts_.particles[error.atom].item<int64_t>();
      TORCH_CHECK_VALUE(false, "hipnn-ts: particle ", particle, ": ", error.what());
    } catch (const std::invalid_argument& error) {
      TORCH_CHECK_VALUE(false, "hipnn-ts: ", error.what());
    }
  }

  /// Energy and forces stay on the GPU of the positions.
  Result run_on_gpu(const Tensor& positions, const std::optional<Tensor>& box) {
    return cuda::on_gpu(positions, [&](cuda::Device& device) {
      cuda::OnDevice* potential;
      {
        const std::lock_guard<std::mutex> lock(mutex_);
        auto& found = on_devices_[positions.device().index()];
        if (!found) {
          found = std::make_unique<cuda::OnDevice>(device, positions.device(), parts_);
        }
        potential = found.get();
      }
      return checked_search(
          [&] { return potential->evaluate(positions, box_from(box, parts_.length), checks_); });
    });
  }

  Result run(const Tensor& positions, const Box& box) {
    const int64_t n = parts_.particles.numel();
    const auto* index = parts_.particles.const_data_ptr<int64_t>();
    const auto* everywhere = positions.const_data_ptr<double>();
    const auto scratch = scratch_.take([&] {
      return std::unique_ptr<Scratch>(new Scratch{Evaluation(model_->model(), lists_), {}});
    });
    double* own = scratch->positions.resize(3 * n);
    for (int64_t i = 0; i < n; ++i) {
      for (int c = 0; c < 3; ++c) {
        own[3 * i + c] = everywhere[3 * index[i] + c] * parts_.length;
      }
    }
    Evaluation& evaluation = scratch->evaluation;
    const Structure structure{n, own, parts_.species.const_data_ptr<int64_t>(), box};
    const Results& results = checked_search(
        [&]() -> const Results& { return evaluation.compute(structure, at::get_num_threads()); });
    const ClosePair pair = evaluation.closer_than(checks_.guard().closest());
    checks_.pairs(bool(pair), [&] { return pair; });
    // A value that is not finite spreads to all particles within a few steps; it is caught near its
    // origin here.
    if (results.not_finite >= 0) {
      checks_.refuse(results.not_finite, evaluation.closest());
    }
    Tensor forces = at::zeros({parts_.n_particles, 3}, at::kDouble);
    auto* out = forces.data_ptr<double>();
    const double scale = parts_.energy * parts_.length;
    for (int64_t i = 0; i < n; ++i) {
      for (int c = 0; c < 3; ++c) {
        out[3 * index[i] + c] = results.forces[3 * i + c] * scale;
      }
    }
    return {at::scalar_tensor(results.energy * parts_.energy, at::kDouble), forces};
  }

  std::shared_ptr<LoadedModel> model_;
  ForceParts parts_;
  // Contexts that share a force may evaluate it in several threads.
  std::shared_ptr<NeighbourListPool> lists_;
  Pool<Scratch> scratch_;
  ForceChecks checks_;
  std::mutex mutex_;
  std::map<int, std::unique_ptr<cuda::OnDevice>> on_devices_; // by index
};

} // namespace
} // namespace hipnn_ts

TORCH_LIBRARY_FRAGMENT(hipnn_ts, m) {
  using hipnn_ts::EnergyAndForces;
  using Self = c10::intrusive_ptr<EnergyAndForces>;
  m.class_<EnergyAndForces>("EnergyAndForces")
      .def(
          torch::init([](at::Tensor document, at::Tensor particles, at::Tensor species,
                         at::Tensor limits, int64_t n_particles, bool stop, double length,
                         double energy) {
            return c10::make_intrusive<EnergyAndForces>(hipnn_ts::ForceParts{
                std::move(document), std::move(particles), std::move(species), std::move(limits),
                n_particles, stop, length, energy});
          }),
          "",
          {torch::arg("document"), torch::arg("particles"), torch::arg("species"),
           torch::arg("limits"), torch::arg("n_particles"), torch::arg("stop"),
           torch::arg("length"), torch::arg("energy")})
      .def("evaluate", &EnergyAndForces::evaluate)
      .def("searches", &EnergyAndForces::searches)
      // Neighbour lists are not copied: a copy builds its own.
      .def_pickle(
          [](const Self& self) { return hipnn_ts::state_of(self->parts()); },
          [](c10::IValue state) {
            return c10::make_intrusive<EnergyAndForces>(hipnn_ts::parts_of(state));
          });
}
