// SPDX-License-Identifier: BSD-3-Clause
#include "core/runtime/batch.hpp"

#include <omp.h>

#include <algorithm>
#include <exception>
#include <map>
#include <mutex>

namespace hipnn_ts {
namespace {

/// Number of atoms that share a pass: it reads the weights once for them, and their data stays in
/// cache.
constexpr int64_t atoms_together = 192;

/// Structures of the same species that are evaluated together.
struct Group {
  std::vector<int64_t> members;
  int64_t n_atoms = 0;
};

/// Throws InStructure where a species is out of range.
std::vector<char> species_of(const Structure& structure, int64_t which, int64_t n_species) {
  std::vector<char> present(n_species, 0);
  for (int64_t i = 0; i < structure.n_atoms; ++i) {
    const int64_t species = structure.species[i];
    if (species < 0 || species >= n_species) {
      throw InStructure(
          which, "atom " + std::to_string(i) + ": expected a species below " +
                     std::to_string(n_species) + ", found " + std::to_string(species));
    }
    present[species] = 1;
  }
  return present;
}

/// In an order that depends only on the structures; those with the most atoms come first, so that
/// threads end at about the same time.
std::vector<Group> grouped(const std::vector<Structure>& structures, int64_t n_species) {
  std::vector<Group> groups;
  std::map<std::vector<char>, size_t> open; // the open group of a set of species
  for (int64_t s = 0; s < static_cast<int64_t>(structures.size()); ++s) {
    const int64_t n = structures[s].n_atoms;
    const auto [found, is_new] = open.try_emplace(species_of(structures[s], s, n_species), 0);
    if (is_new || groups[found->second].n_atoms + n > atoms_together) {
      found->second = groups.size();
      groups.emplace_back();
    }
    Group& group = groups[found->second];
    group.members.push_back(s);
    group.n_atoms += n;
  }
  std::stable_sort(groups.begin(), groups.end(), [](const Group& a, const Group& b) {
    return a.n_atoms > b.n_atoms;
  });
  return groups;
}

/// The first of the structures that cannot be evaluated, whichever thread finds it.
class FirstProblem {
public:
  void add(const InStructure& problem) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (!found_ || problem.structure < found_->structure) {
      found_ = std::make_unique<InStructure>(problem);
    }
  }
  void add(std::exception_ptr other) {
    const std::lock_guard<std::mutex> lock(mutex_);
    other_ = std::move(other);
  }
  void rethrow() const {
    if (other_) {
      std::rethrow_exception(other_);
    }
    if (found_) {
      throw *found_;
    }
  }

private:
  std::mutex mutex_;
  std::unique_ptr<InStructure> found_;
  std::exception_ptr other_; // no memory
};

/// One group's part of a batch.
class Pass {
public:
  Pass(
      const std::vector<Structure>& structures, const ClosestApproach& limits,
      const BatchResults& results, const Wanted& wanted)
      : structures_(structures), limits_(limits), results_(results), wanted_(wanted),
        first_atoms_(1, 0) {
    for (const Structure& each : structures) {
      first_atoms_.push_back(first_atoms_.back() + each.n_atoms);
    }
  }

  int64_t n_atoms() const { return first_atoms_.back(); }

  void run(Evaluation& evaluation, const std::vector<int64_t>& group, int n_threads) {
    std::vector<Structure> members;
    for (const int64_t s : group) {
      members.push_back(structures_[s]);
    }
    try {
      evaluation.compute_together(members, n_threads, wanted_);
      for (size_t k = 0; k < group.size(); ++k) {
        take(evaluation, k, group[k]);
      }
    } catch (const InStructure& error) {
      problem_.add({group[error.structure], error.what()});
      if (error.structure > 0) { // earlier structures may have others
        run(evaluation, {group.begin(), group.begin() + error.structure}, n_threads);
      }
    } catch (...) { // no exception may leave a parallel region
      problem_.add(std::current_exception());
    }
  }

  void rethrow() const { problem_.rethrow(); }

private:
  void take(const Evaluation& evaluation, int64_t k, int64_t s) const {
    try {
      check_distinct(evaluation.coincident(k));
    } catch (const std::invalid_argument& error) {
      throw InStructure(k, error.what());
    }
    const Results& found = evaluation.results(k);
    const int64_t n = structures_[s].n_atoms;
    if (results_.energies) {
      std::copy_n(found.energies, n, results_.energies + first_atoms_[s]);
    }
    if (results_.forces) {
      std::copy_n(found.forces, 3 * n, results_.forces + 3 * first_atoms_[s]);
    }
    if (results_.virials) {
      const auto virial = evaluation.virial(k);
      std::copy_n(virial.begin(), 9, results_.virials + 9 * s);
    }
    results_.facts[s] = {found.energy, found.not_finite, evaluation.closer_than(limits_, k)};
    if (wanted_.deviations) {
      const Deviations& apart = evaluation.deviations(k);
      std::copy_n(apart.forces, n, results_.force_deviations + first_atoms_[s]);
      results_.facts[s].energy_deviation = apart.energy;
      results_.facts[s].virial_deviation = apart.virial;
    }
    if (wanted_.uncertainty) {
      std::copy_n(evaluation.uncertainties(k), n, results_.uncertainties + first_atoms_[s]);
    }
  }

  const std::vector<Structure>& structures_;
  const ClosestApproach& limits_;
  const BatchResults& results_;
  const Wanted wanted_;
  std::vector<int64_t> first_atoms_;
  FirstProblem problem_;
};

} // namespace

void Batch::compute(
    const std::vector<Structure>& structures, const ClosestApproach& limits, int n_threads,
    const BatchResults& results, const Wanted& wanted) {
  const int threads = n_threads > 0 ? n_threads : omp_get_max_threads();
  const std::vector<Group> groups = grouped(structures, model_->architecture().n_species());
  const auto n_groups = static_cast<int64_t>(groups.size());
  Pass pass(structures, limits, results, wanted);
  const auto run = [&](const Group& group, int threads_inside) {
    const auto make = [&] { return std::make_unique<Evaluation>(model_); };
    pass.run(*evaluations_.take(make), group.members, threads_inside);
  };
  int64_t g = 0;
  while (threads > 1 && g < n_groups && groups[g].n_atoms * threads > pass.n_atoms()) {
    run(groups[g++], threads);
  }
  const auto at_once =
      static_cast<int>(std::max<int64_t>(1, std::min<int64_t>(threads, n_groups - g)));
#pragma omp parallel for num_threads(at_once) schedule(dynamic, 1)
  for (int64_t rest = g; rest < n_groups; ++rest) {
    run(groups[rest], 1);
  }
  pass.rethrow();
}

} // namespace hipnn_ts
