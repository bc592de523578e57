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
#include "core/runtime/pair_evaluation.hpp"

namespace hipnn_ts {

/// Atoms of known species in a box.
struct Structure {
  int64_t n_atoms;
  const double* positions; // (n, 3), Å, in the box or not
  const int64_t* species;  // (n,)
  Box box;
};

/// Of an Evaluation, until its next step.
struct Results {
  double energy;          // eV, self energies included
  const double* energies; // (n,), eV, likewise
  const double* forces;   // (n, 3), eV/Å
  int64_t not_finite;     // the first atom whose energy or force is not; -1 where all are
};

/// A model at work, with its buffers and neighbour lists. It belongs to one caller at a time; there
/// may be many of one model.
class HIPNN_TS_API Evaluation {
public:
  /// Neighbour lists are its own, or those that it shares with others of this cutoff.
  explicit Evaluation(
      std::shared_ptr<const Model> model, std::shared_ptr<NeighbourListPool> lists = nullptr);
  ~Evaluation();

  /// On n_threads, or as many as OpenMP gives where that is 0. Throws WrongPosition, or
  /// std::invalid_argument where the box or a species is of no use.
  const Results& compute(const Structure& structure, int n_threads);

  /// Of the last step, the pair that is closest in relation to its limit, none where all keep to
  /// theirs.
  ClosePair closer_than(const ClosestApproach& limits) const;
  /// Of the last step, the closest pair; none without pairs.
  ClosePair closest() const;
  /// Of the last step, sum_p r_p dE/dr_p, rows r, in eV: the derivative with respect to a
  /// homogeneous strain. In one order whatever the number of threads.
  std::array<double, 9> virial() const;

  const Model& model() const { return *model_; }
  /// Memory of all buffers, neighbour lists left out.
  int64_t bytes() const;

private:
  template <class T> struct Step {
    explicit Step(const NetworkWeights<T>& weights) : network(weights) {}

    PairEvaluation<T> network;
    Buffer<T> vectors, gradients;
  };

  using AnyStep = std::variant<Step<float>, Step<double>>;

  static AnyStep step_for(const Model& model);
  template <class T> void run(Step<T>& step, const Structure& structure);

  std::shared_ptr<const Model> model_;
  std::shared_ptr<NeighbourListPool> lists_;
  AnyStep step_;
  Buffer<int32_t> receivers_, senders_;
  Buffer<double> energies_, forces_;
  std::vector<int64_t> species_;
  int64_t n_pairs_ = 0;
  int n_threads_ = 1;
  Results results_{};
};

/// As evaluation.compute, for hosts whose atoms are these, by these numbers: throws
/// std::invalid_argument, in a sentence that names the atom. Two atoms in one place are a mistake.
HIPNN_TS_API const Results&
checked_compute(Evaluation& evaluation, const Structure& structure, int n_threads);

} // namespace hipnn_ts
