// SPDX-License-Identifier: BSD-3-Clause
//
// Many structures in one call, on as many threads as there are.
#pragma once

#include "core/pool.hpp"
#include "core/runtime/evaluation.hpp"

namespace hipnn_ts {

/// Results for one structure of a batch.
struct BatchFacts {
  double energy = 0.0;           // eV, self energies included
  int64_t not_finite = -1;       // as in Results
  ClosePair closest;             // closer than its limit
  double energy_deviation = 0.0; // as in Deviations, if requested
  std::array<double, 9> virial_deviation{};
};

/// Output arrays of a batch, each unless it is null, with the atoms of all structures one after the
/// other, N in total.
struct BatchResults {
  double* energies;                   // (N,), eV, self energies included
  double* forces;                     // (N, 3), eV/Å
  double* virials;                    // (structures, 3, 3), eV, as in Evaluation::virial
  BatchFacts* facts;                  // (structures,), not null
  double* force_deviations = nullptr; // (N,), eV/Å, not null if deviations are wanted
  double* uncertainties = nullptr;    // (N,), eV/Å, not null if they are wanted
};

/// A model that evaluates batches, for one caller at a time.
class HIPNN_TS_API Batch {
public:
  explicit Batch(std::shared_ptr<const Model> model) : model_(std::move(model)) {}

  /// The results are bitwise equal to those of Evaluation for each structure, on any number of
  /// threads. Small structures of the same species share passes of the network. Structures larger
  /// than a thread's part of the batch use all threads inside, the others one thread each.
  ///
  /// Throws InStructure for the first structure that cannot be evaluated; results are then
  /// unusable.
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
