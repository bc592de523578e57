// SPDX-License-Identifier: BSD-3-Clause
//
// Many structures in one call, on as many threads as there are.
#pragma once

#include "core/pool.hpp"
#include "core/runtime/evaluation.hpp"

namespace hipnn_ts {

/// Of one structure of a batch.
struct BatchFacts {
  double energy = 0.0;           // eV, self energies included
  int64_t not_finite = -1;       // as of Results
  ClosePair closest;             // closer than its limit
  double energy_deviation = 0.0; // as of Deviations, where asked for
  std::array<double, 9> virial_deviation{};
};

/// Where results of a batch go, each of them unless it is null: atoms of all structures one after
/// the other, N of them.
struct BatchResults {
  double* energies;                   // (N,), eV, self energies included
  double* forces;                     // (N, 3), eV/Å
  double* virials;                    // (structures, 3, 3), eV, as of Evaluation::virial
  BatchFacts* facts;                  // (structures,), not null
  double* force_deviations = nullptr; // (N,), eV/Å, not null where deviations are wanted
  double* uncertainties = nullptr;    // (N,), eV/Å, not null where they are wanted
};

/// A model at work on batches, for one caller at a time.
class HIPNN_TS_API Batch {
public:
  explicit Batch(std::shared_ptr<const Model> model) : model_(std::move(model)) {}

  /// What Evaluation computes for each structure, to the last bit, on any number of threads. Small
  /// structures of the same species share passes of the network; those that are more than a
  /// thread's part of the batch have all threads inside, the others one each.
  ///
  /// Throws InStructure of the first structure that cannot be evaluated; results are then of no
  /// use.
  void compute(
      const std::vector<Structure>& structures, const ClosestApproach& limits, int n_threads,
      const BatchResults& results, const Wanted& wanted = {});

  const Model& model() const { return *model_; }

private:
  std::shared_ptr<const Model> model_;
  Pool<Evaluation> evaluations_;
};

/// Calls body(); the sentence of an InStructure then begins with the structure.
template <class Body> void naming_structures(const Body& body) {
  try {
    body();
  } catch (const InStructure& error) {
    throw std::invalid_argument(
        "structure " + std::to_string(error.structure) + ": " + error.what());
  }
}

} // namespace hipnn_ts
