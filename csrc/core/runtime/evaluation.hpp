// SPDX-License-Identifier: BSD-3-Clause
//
// From positions to energies and forces in one call: neighbour list, pair vectors, network, forces.
#pragma once

#include <array>
#include <memory>
#include <variant>

#include "core/closest_approach.hpp"
#include "core/model_file/model.hpp"
#include "core/neighbours/pool.hpp"
#include "core/runtime/committee.hpp"
#include "core/runtime/pair_evaluation.hpp"

namespace hipnn_ts {

/// Atoms of known species in a box.
struct Structure {
  int64_t n_atoms;
  const double* positions; // (n, 3), Å, inside the box or not
  const int64_t* species;  // (n,)
  Box box;
};

/// Results of an Evaluation, valid until its next step.
struct Results {
  double energy;          // eV, self energies included
  const double* energies; // (n,), eV, likewise
  const double* forces;   // (n, 3), eV/Å
  int64_t not_finite;     // the first atom whose energy or force is not finite; -1 if all are
};

/// The error for one of several structures; the sentence names its atoms.
struct InStructure : std::invalid_argument {
  InStructure(int64_t which, const std::string& problem)
      : std::invalid_argument(problem), structure(which) {}
  int64_t structure;
};

/// A model with its buffers and neighbour lists. It belongs to one caller at a time; one model may
/// have many.
class HIPNN_TS_API Evaluation {
public:
  /// It owns its neighbour lists, or shares them with others of this cutoff.
  explicit Evaluation(
      std::shared_ptr<const Model> model, std::shared_ptr<NeighbourListPool> lists = nullptr);
  ~Evaluation();

  /// On n_threads, or as many as OpenMP gives if that is 0, but no more than are useful for so few
  /// atoms. Throws WrongPosition, or std::invalid_argument if the box or a species cannot be used.
  const Results& compute(const Structure& structure, int n_threads, const Wanted& wanted = {});

  /// Several structures of the same species side by side in one pass of the network, with a new
  /// neighbour search. The results for each are bitwise equal to those of a single evaluation;
  /// small structures share the cost of a pass. Throws InStructure.
  void compute_together(
      const std::vector<Structure>& structures, int n_threads, const Wanted& wanted = {});

  // For the last step, and for each of its structures.

  const Results& results(int64_t structure = 0) const { return results_[structure]; }
  /// If the step requested them.
  const Deviations& deviations(int64_t structure = 0) const { return deviations_[structure]; }
  /// Force uncertainties (n,), eV/Å, likewise.
  const double* uncertainties(int64_t structure = 0) const {
    return uncertainties_.data() + parts_[structure].first_atom;
  }
  /// The pair that is closest relative to its limit; none if all pairs keep to their limits.
  ClosePair closer_than(const ClosestApproach& limits, int64_t structure = 0) const;
  /// The closest pair; none without pairs.
  ClosePair closest(int64_t structure = 0) const;
  /// Two atoms at one place; none if there are none.
  ClosePair coincident(int64_t structure = 0) const;
  /// sum_p r_p dE/dr_p, rows r, in eV: the derivative with respect to a homogeneous strain, in one
  /// order, whatever the number of threads.
  std::array<double, 9> virial(int64_t structure = 0) const;

  const Model& model() const { return *model_; }
  /// Memory of all buffers, without neighbour lists.
  int64_t bytes() const;

private:
  template <class T> struct Step {
    explicit Step(std::vector<NetworkWeights<T>> members) : network(std::move(members)) {}

    PairEvaluation<T> network;
    Buffer<T> vectors, gradients;
  };

  using AnyStep = std::variant<Step<float>, Step<double>>;

  static AnyStep step_for(const Model& model);
  /// Position of the atoms and pairs of a structure among all.
  struct Part {
    int64_t first_atom, n_atoms, first_pair, n_pairs;
    double lowest_squared; // of distances, Å²
  };

  /// From fitting lists of the structures to results.
  template <class Lists>
  void run(const std::vector<Structure>& structures, const Wanted& wanted, const Lists& list_of);
  template <class T, class Lists>
  void run(Step<T>& step, const std::vector<Structure>& structures, const Lists& list_of);
  void finish(int member, int place);
  void take_results();
  void take_deviations();
  std::array<double, 9> virial_of(const Part& part) const;
  ClosePair within(const Part& part, ClosePair pair) const;

  std::shared_ptr<const Model> model_;
  std::shared_ptr<NeighbourListPool> lists_;
  std::vector<NeighbourList> lists_together_;
  AnyStep step_;
  std::vector<Part> parts_;
  Buffer<int32_t> receivers_, senders_;
  std::vector<int64_t> species_;
  int n_threads_ = 1;
  Wanted wanted_;
  int n_places_ = 0; // members that took part: all, or one
  // For each of them: energies (n,) and forces (n, 3), and for each structure the energy and, if
  // there are several, the virial (9,).
  Buffer<double> energies_, forces_;
  std::vector<double> sums_, virials_;
  Buffer<double> mean_energies_, mean_forces_; // of several
  std::vector<Results> results_;
  Buffer<double> force_deviations_; // (n,)
  std::vector<Deviations> deviations_;
  Buffer<double> uncertainties_; // (n,)
};

/// The same as evaluation.compute, for hosts with the same atoms and numbers: throws
/// std::invalid_argument, in a sentence that names the atom. Two atoms at one place are an error.
HIPNN_TS_API const Results& checked_compute(
    Evaluation& evaluation, const Structure& structure, int n_threads, const Wanted& wanted = {});

/// Throws std::invalid_argument, in a sentence that names the atoms, if there is such a pair.
HIPNN_TS_API void check_distinct(const ClosePair& coincident);

} // namespace hipnn_ts
