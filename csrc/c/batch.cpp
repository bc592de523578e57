// SPDX-License-Identifier: BSD-3-Clause
//
// Many structures in one call.
#include "evaluation_handle.hpp"

using namespace hipnn_ts;

namespace {

/// The structures of a batch, with the species in `evaluation`. Throws InStructure.
std::vector<Structure> structures_of(
    hipnn_ts_evaluation& evaluation, int64_t n_structures, const int64_t* n_atoms,
    const int32_t* atomic_numbers, const double* positions, const double* cells,
    const int32_t* pbc) {
  int64_t n = 0;
  for (int64_t s = 0; s < n_structures; ++s) {
    if (n_atoms[s] < 0 || n_atoms[s] > INT32_MAX) {
      throw InStructure(
          s, "expected 0 to " + std::to_string(INT32_MAX) + " atoms, found " +
                 std::to_string(n_atoms[s]));
    }
    n += n_atoms[s];
  }
  if (n > 0) {
    check_given(atomic_numbers, "atomic_numbers");
    check_given(positions, "positions");
  }
  evaluation.species.resize(n);
  std::vector<Structure> structures;
  int64_t first = 0;
  for (int64_t s = 0; s < n_structures; first += n_atoms[s++]) {
    int64_t* species = evaluation.species.data() + first;
    try {
      evaluation.take_species(n_atoms[s], atomic_numbers + first, species);
      structures.push_back(
          {n_atoms[s], positions + 3 * first, species,
           box_of(cells ? cells + 9 * s : nullptr, pbc ? pbc + 3 * s : nullptr)});
    } catch (const std::invalid_argument& error) {
      throw InStructure(s, error.what());
    }
  }
  return structures;
}

} // namespace

hipnn_ts_status hipnn_ts_compute_batch(
    hipnn_ts_evaluation* evaluation, int64_t n_structures, const int64_t* n_atoms,
    const int32_t* atomic_numbers, const double* positions, const double* cells, const int32_t* pbc,
    int32_t n_threads, double* energy, double* energies, double* forces, double* virial,
    char* message, size_t message_size) {
  const Message sentence{message, message_size};
  return guarded(sentence, [&] {
    check_given(evaluation, "evaluation");
    evaluation->facts.clear();
    evaluation->forget();
    check_within(n_structures, "n_structures", 0, INT32_MAX);
    check_within(n_threads, "n_threads", 0, most_threads);
    if (n_structures > 0) {
      check_given(n_atoms, "n_atoms");
    }
    std::vector<BatchFacts> facts(n_structures);
    naming_structures([&] {
      const auto structures =
          structures_of(*evaluation, n_structures, n_atoms, atomic_numbers, positions, cells, pbc);
      evaluation->force_deviations.resize(evaluation->species.size());
      evaluation->uncertainties.resize(evaluation->species.size());
      evaluation->batch.compute(
          structures, evaluation->closest, n_threads,
          {energies, forces, virial, facts.data(), evaluation->force_deviations.data(),
           evaluation->uncertainties.data()},
          evaluation->wanted);
    });
    evaluation->facts = std::move(facts);
    evaluation->given(Given::batch);
    int64_t bad = -1;
    for (int64_t s = 0; s < n_structures; ++s) {
      const BatchFacts& found = evaluation->facts[s];
      copy(&found.energy, 1, energy ? energy + s : nullptr);
      bad = bad < 0 && found.not_finite >= 0 ? s : bad;
    }
    if (bad >= 0) {
      sentence.write(
          "structure " + std::to_string(bad) + ": atom " +
          std::to_string(evaluation->facts[bad].not_finite) +
          ": expected a finite energy and force, found one that is not");
      return HIPNN_TS_NOT_FINITE;
    }
    return HIPNN_TS_OK;
  });
}

hipnn_ts_pair hipnn_ts_closest_pair_of(const hipnn_ts_evaluation* evaluation, int64_t structure) {
  const auto& facts = evaluation->facts;
  const bool known = structure >= 0 && structure < static_cast<int64_t>(facts.size());
  return pair_of(known ? facts[structure].closest : ClosePair{});
}
