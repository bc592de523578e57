// SPDX-License-Identifier: BSD-3-Clause
#include "core/runtime/evaluation.hpp"

#include <omp.h>

#include <algorithm>

namespace hipnn_ts {
namespace {

/// Threads wait for each other about ten times in a step: with fewer atoms each, they cost more
/// than they save.
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
    return AnyStep(std::in_place_type<Step<double>>, model.all_weights<double>());
  }
  return AnyStep(std::in_place_type<Step<float>>, model.all_weights<float>());
}

const Results&
Evaluation::compute(const Structure& structure, int n_threads, const Wanted& wanted) {
  parts_.assign(1, {});
  n_threads_ = threads_for(structure.n_atoms, n_threads);
  auto list = lists_->take(structure.positions, structure.n_atoms, structure.box, n_threads_);
  run({structure}, wanted, [&](int64_t) -> NeighbourList& { return *list; });
  lists_->give_back(std::move(list));
  return results_.front();
}

void Evaluation::compute_together(
    const std::vector<Structure>& structures, int n_threads, const Wanted& wanted) {
  parts_.assign(1, {});
  int64_t n_atoms = 0;
  for (const Structure& each : structures) {
    n_atoms += each.n_atoms;
  }
  n_threads_ = threads_for(n_atoms, n_threads);
  const auto n = static_cast<int64_t>(structures.size());
  while (static_cast<int64_t>(lists_together_.size()) < n) {
    lists_together_.emplace_back(model_->architecture().cutoff, 0.0);
  }
  for (int64_t s = 0; s < n; ++s) {
    const Structure& each = structures[s];
    try {
      naming_atoms(
          [&] { lists_together_[s].search(each.positions, each.n_atoms, each.box, n_threads_); });
    } catch (const std::invalid_argument& error) {
      throw InStructure(s, error.what());
    }
  }
  run(structures, wanted, [&](int64_t s) -> NeighbourList& { return lists_together_[s]; });
}

template <class Lists>
void Evaluation::run(
    const std::vector<Structure>& structures, const Wanted& wanted, const Lists& list_of) {
  const int n_members = model_->n_members();
  if (wanted.member < mean_of_all || wanted.member >= n_members) {
    throw std::invalid_argument(
        "member: expected one below " + std::to_string(n_members) +
        ", or -1 for their mean, found " + std::to_string(wanted.member));
  }
  if (wanted.uncertainty && !model_->architecture().uncertain) {
    throw std::invalid_argument(no_uncertainty);
  }
  wanted_ = wanted;
  n_places_ = wanted.deviations || wanted.member == mean_of_all ? n_members : 1;
  parts_.assign(structures.size(), {});
  int64_t n = 0;
  species_.clear();
  for (size_t s = 0; s < parts_.size(); ++s) {
    parts_[s].first_atom = n;
    n += parts_[s].n_atoms = structures[s].n_atoms;
    species_.insert(
        species_.end(), structures[s].species, structures[s].species + structures[s].n_atoms);
  }
  energies_.resize(n_places_ * n);
  forces_.resize(3 * n_places_ * n);
  sums_.resize(n_places_ * parts_.size());
  virials_.resize(9 * n_places_ * parts_.size());
  try {
    std::visit([&](auto& step) { run(step, structures, list_of); }, step_);
  } catch (...) {
    parts_.assign(1, {}); // no step
    throw;
  }
  take_results();
  take_deviations();
}

template <class T, class Lists>
void Evaluation::run(
    Step<T>& step, const std::vector<Structure>& structures, const Lists& list_of) {
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
  T* gradients = step.gradients.resize(3 * room);
  double* uncertainties = wanted_.uncertainty ? uncertainties_.resize(n) : nullptr;
  step.network.begin({n, n, n_pairs, species_.data(), receivers, senders, vectors, n_threads_});
  for (int place = 0; place < n_places_; ++place) {
    const int member = n_places_ > 1 || wanted_.member == mean_of_all ? place : wanted_.member;
    step.network.compute(
        member, energies_.data() + place * n, gradients, forces_.data() + 3 * place * n,
        uncertainties);
    finish(member, place);
  }
}

/// Adds a member's self energies, and uses its gradients before those of the next member overwrite
/// them.
void Evaluation::finish(int member, int place) {
  const double* of_species = model_->self_energies(member);
  for (size_t s = 0; s < parts_.size(); ++s) {
    const Part& part = parts_[s];
    const int64_t* species = species_.data() + part.first_atom;
    double* energies = energies_.data() + place * species_.size() + part.first_atom;
    // Summed separately, because self energies are a million times larger.
    double network_energy = 0.0, self_energy = 0.0;
    for (int64_t i = 0; i < part.n_atoms; ++i) {
      network_energy += energies[i];
      self_energy += of_species[species[i]];
    }
    model_->add_self_energies(species, part.n_atoms, energies, member);
    sums_[place * parts_.size() + s] = self_energy + network_energy;
    if (n_places_ > 1) {
      const auto virial = virial_of(part);
      std::copy_n(virial.begin(), 9, virials_.begin() + 9 * (place * parts_.size() + s));
    }
  }
}

const Results& checked_compute(
    Evaluation& evaluation, const Structure& structure, int n_threads, const Wanted& wanted) {
  const Results& results = naming_atoms(
      [&]() -> const Results& { return evaluation.compute(structure, n_threads, wanted); });
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
