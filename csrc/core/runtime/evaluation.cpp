// SPDX-License-Identifier: BSD-3-Clause
#include "core/runtime/evaluation.hpp"

#include <omp.h>

#include <algorithm>
#include <cmath>

namespace hipnn_ts {
namespace {

/// Threads wait for each other some ten times in a step: fewer atoms each cost more than they save.
constexpr int64_t fewest_atoms = 32;

int threads_for(int64_t n_atoms, int n_threads) {
  const int64_t most = n_threads > 0 ? n_threads : omp_get_max_threads();
  return static_cast<int>(std::max<int64_t>(1, std::min(most, n_atoms / fewest_atoms)));
}

} // namespace

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
  parts_.assign(1, {});
  const int threads = threads_for(structure.n_atoms, n_threads);
  auto list = lists_->take(structure.positions, structure.n_atoms, structure.box, threads);
  run(&structure, 1, threads, [&](int64_t) -> NeighbourList& { return *list; });
  lists_->give_back(std::move(list));
  return results_.front();
}

void Evaluation::compute_together(const std::vector<Structure>& structures, int n_threads) {
  parts_.assign(1, {});
  int64_t n_atoms = 0;
  for (const Structure& each : structures) {
    n_atoms += each.n_atoms;
  }
  const int threads = threads_for(n_atoms, n_threads);
  const auto n = static_cast<int64_t>(structures.size());
  while (static_cast<int64_t>(lists_together_.size()) < n) {
    lists_together_.emplace_back(model_->architecture().cutoff, 0.0);
  }
  for (int64_t s = 0; s < n; ++s) {
    const Structure& each = structures[s];
    try {
      naming_atoms(
          [&] { lists_together_[s].search(each.positions, each.n_atoms, each.box, threads); });
    } catch (const std::invalid_argument& error) {
      throw InStructure(s, error.what());
    }
  }
  run(structures.data(), n, threads,
      [&](int64_t s) -> NeighbourList& { return lists_together_[s]; });
}

template <class Lists>
void Evaluation::run(
    const Structure* structures, int64_t n_structures, int n_threads, const Lists& list_of) {
  n_threads_ = n_threads;
  parts_.assign(n_structures, {});
  int64_t n = 0;
  species_.clear();
  for (int64_t s = 0; s < n_structures; ++s) {
    parts_[s].first_atom = n;
    n += parts_[s].n_atoms = structures[s].n_atoms;
    species_.insert(
        species_.end(), structures[s].species, structures[s].species + structures[s].n_atoms);
  }
  energies_.resize(n);
  forces_.resize(3 * n);
  try {
    std::visit([&](auto& step) { run(step, structures, list_of); }, step_);
  } catch (...) {
    parts_.assign(1, {}); // no step
    throw;
  }
  results_.clear();
  for (const Part& part : parts_) {
    results_.push_back(finish(part));
  }
}

template <class T, class Lists>
void Evaluation::run(Step<T>& step, const Structure* structures, const Lists& list_of) {
  int64_t room = 0, n_pairs = 0;
  for (size_t s = 0; s < parts_.size(); ++s) {
    room += list_of(s).size();
  }
  int32_t* receivers = receivers_.resize(room);
  int32_t* senders = senders_.resize(room);
  T* vectors = step.vectors.resize(3 * room);
  for (size_t s = 0; s < parts_.size(); ++s) {
    Part& part = parts_[s];
    NeighbourList& list = list_of(s);
    part.first_pair = n_pairs;
    part.n_pairs = list.gather(
        structures[s].positions, n_threads_, receivers + n_pairs, senders + n_pairs,
        vectors + 3 * n_pairs, static_cast<int32_t>(part.first_atom));
    part.lowest_squared = list.lowest_squared();
    n_pairs += part.n_pairs;
  }
  const auto n = static_cast<int64_t>(species_.size());
  step.network.compute(
      {n, n, n_pairs, species_.data(), receivers, senders, vectors, n_threads_}, energies_.data(),
      step.gradients.resize(3 * room), forces_.data());
}

Results Evaluation::finish(const Part& part) {
  double* energies = energies_.data() + part.first_atom;
  double* forces = forces_.data() + 3 * part.first_atom;
  const int64_t* species = species_.data() + part.first_atom;
  // Apart, since self energies are a million times larger.
  double network_energy = 0.0, self_energy = 0.0;
  int64_t not_finite = -1;
  for (int64_t i = 0; i < part.n_atoms; ++i) {
    network_energy += energies[i];
    self_energy += model_->self_energies()[species[i]];
    const double* force = forces + 3 * i;
    if (not_finite < 0 && !std::isfinite(energies[i] + force[0] + force[1] + force[2])) {
      not_finite = i;
    }
  }
  model_->add_self_energies(species, part.n_atoms, energies);
  return {self_energy + network_energy, energies, forces, not_finite};
}

ClosePair Evaluation::within(const Part& part, ClosePair pair) const {
  if (pair) {
    pair.receiver -= part.first_atom;
    pair.sender -= part.first_atom;
  }
  return pair;
}

ClosePair Evaluation::closer_than(const ClosestApproach& limits, int64_t structure) const {
  const Part& part = parts_[structure];
  return within(
      part, std::visit(
                [&](const auto& step) {
                  return limits.find(
                      species_.data(), receivers_.data() + part.first_pair,
                      senders_.data() + part.first_pair, step.vectors.data() + 3 * part.first_pair,
                      part.n_pairs);
                },
                step_));
}

ClosePair Evaluation::closest(int64_t structure) const {
  const Part& part = parts_[structure];
  return within(
      part, std::visit(
                [&](const auto& step) {
                  return closest_pair(
                      receivers_.data() + part.first_pair, senders_.data() + part.first_pair,
                      step.vectors.data() + 3 * part.first_pair, part.n_pairs);
                },
                step_));
}

ClosePair Evaluation::coincident(int64_t structure) const {
  // Rounding to the network's precision may make zero of what is not, but of nothing as far apart.
  constexpr double apart = 1e-60; // Å²
  if (parts_[structure].lowest_squared > apart) {
    return {};
  }
  const ClosePair pair = closest(structure);
  return pair && pair.distance == 0.0 ? pair : ClosePair{};
}

std::array<double, 9> Evaluation::virial(int64_t structure) const {
  constexpr int64_t share = 4096; // pairs whose sum is one thread's
  const Part& part = parts_[structure];
  const int64_t n_shares = (part.n_pairs + share - 1) / share;
  std::vector<std::array<double, 9>> sums(n_shares);
  std::visit(
      [&](const auto& step) {
        const auto* r = step.vectors.data() + 3 * part.first_pair;
        const auto* g = step.gradients.data() + 3 * part.first_pair;
#pragma omp parallel for num_threads(n_shares > 1 ? n_threads_ : 1) schedule(static)
        for (int64_t s = 0; s < n_shares; ++s) {
          std::array<double, 9> sum{};
          for (int64_t p = 3 * s * share; p < 3 * std::min((s + 1) * share, part.n_pairs); p += 3) {
            const double gradient[3] = {
                static_cast<double>(g[p]), static_cast<double>(g[p + 1]),
                static_cast<double>(g[p + 2])};
            for (int c = 0; c < 3; ++c) {
              const double x = static_cast<double>(r[p + c]);
              for (int d = 0; d < 3; ++d) {
                sum[3 * c + d] += x * gradient[d];
              }
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
  check_distinct(evaluation.coincident());
  return results;
}

void check_distinct(const ClosePair& coincident) {
  if (coincident) {
    throw std::invalid_argument(
        "atoms " + std::to_string(coincident.receiver) + " and " +
        std::to_string(coincident.sender) +
        ": expected distinct positions, found both in one place");
  }
}

} // namespace hipnn_ts
