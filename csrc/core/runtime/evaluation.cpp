// SPDX-License-Identifier: BSD-3-Clause
#include "core/runtime/evaluation.hpp"

#include <omp.h>

#include <algorithm>
#include <cmath>

namespace hipnn_ts {

Evaluation::Evaluation(std::shared_ptr<const Model> model, std::shared_ptr<NeighbourListPool> lists)
    : model_(std::move(model)), lists_(std::move(lists)), step_(step_for(*model_)) {
  if (!lists_) {
    lists_ =
        std::make_shared<NeighbourListPool>(model_->architecture().cutoff, usual_neighbour_skin);
  }
}

Evaluation::~Evaluation() = default;

Evaluation::AnyStep Evaluation::step_for(const Model& model) {
  if (model.architecture().double_precision) {
    return AnyStep(std::in_place_type<Step<double>>, model.weights<double>());
  }
  return AnyStep(std::in_place_type<Step<float>>, model.weights<float>());
}

const Results& Evaluation::compute(const Structure& structure, int n_threads) {
  const int64_t n = structure.n_atoms;
  n_pairs_ = 0;
  n_threads_ = n_threads > 0 ? n_threads : omp_get_max_threads();
  species_.assign(structure.species, structure.species + n);
  double* energies = energies_.resize(n);
  double* forces = forces_.resize(3 * n);
  std::visit([&](auto& step) { run(step, structure); }, step_);

  // Apart, since self energies are a million times larger.
  double network_energy = 0.0, self_energy = 0.0;
  int64_t not_finite = -1;
  for (int64_t i = 0; i < n; ++i) {
    network_energy += energies[i];
    self_energy += model_->self_energies()[species_[i]];
    const double* force = forces + 3 * i;
    if (not_finite < 0 && !std::isfinite(energies[i] + force[0] + force[1] + force[2])) {
      not_finite = i;
    }
  }
  model_->add_self_energies(species_.data(), n, energies);
  results_ = {self_energy + network_energy, energies, forces, not_finite};
  return results_;
}

template <class T> void Evaluation::run(Step<T>& step, const Structure& structure) {
  const int64_t n = structure.n_atoms;
  const double* positions = structure.positions;
  auto list = lists_->take(positions, n, structure.box, n_threads_);
  const int64_t room = list->size();
  n_pairs_ = list->gather(
      positions, n_threads_, receivers_.resize(room), senders_.resize(room),
      step.vectors.resize(3 * room));
  lists_->give_back(std::move(list));
  step.network.compute(
      {n, n, n_pairs_, species_.data(), receivers_.data(), senders_.data(), step.vectors.data(),
       n_threads_},
      energies_.data(), step.gradients.resize(3 * room), forces_.data());
}

ClosePair Evaluation::closer_than(const ClosestApproach& limits) const {
  return std::visit(
      [&](const auto& step) {
        return limits.find(
            species_.data(), receivers_.data(), senders_.data(), step.vectors.data(), n_pairs_);
      },
      step_);
}

ClosePair Evaluation::closest() const {
  return std::visit(
      [&](const auto& step) {
        return closest_pair(receivers_.data(), senders_.data(), step.vectors.data(), n_pairs_);
      },
      step_);
}

std::array<double, 9> Evaluation::virial() const {
  constexpr int64_t share = 4096; // pairs whose sum is one thread's
  const int64_t n_shares = (n_pairs_ + share - 1) / share;
  std::vector<std::array<double, 9>> sums(n_shares);
  std::visit(
      [&](const auto& step) {
#pragma omp parallel for num_threads(n_shares > 1 ? n_threads_ : 1) schedule(static)
        for (int64_t s = 0; s < n_shares; ++s) {
          std::array<double, 9> sum{};
          for (int64_t p = s * share; p < std::min((s + 1) * share, n_pairs_); ++p) {
            for (int c = 0; c < 9; ++c) {
              sum[c] += static_cast<double>(step.vectors.data()[3 * p + c / 3]) *
                        step.gradients.data()[3 * p + c % 3];
            }
          }
          sums[s] = sum;
        }
      },
      step_);
  std::array<double, 9> total{};
  for (const auto& sum : sums) {
    for (int c = 0; c < 9; ++c) {
      total[c] += sum[c];
    }
  }
  return total;
}

int64_t Evaluation::bytes() const {
  const int64_t of_pairs = std::visit(
      [](const auto& step) {
        return step.network.bytes() + step.vectors.bytes() + step.gradients.bytes();
      },
      step_);
  return of_pairs + receivers_.bytes() + senders_.bytes() + energies_.bytes() + forces_.bytes() +
         static_cast<int64_t>(species_.capacity() * sizeof(int64_t));
}

const Results& checked_compute(Evaluation& evaluation, const Structure& structure, int n_threads) {
  const Results& results =
      naming_atoms([&]() -> const Results& { return evaluation.compute(structure, n_threads); });
  const ClosePair closest = evaluation.closest();
  if (closest && closest.distance == 0.0) {
    throw std::invalid_argument(
        "atoms " + std::to_string(closest.receiver) + " and " + std::to_string(closest.sender) +
        ": expected distinct positions, found both in one place");
  }
  return results;
}

} // namespace hipnn_ts
