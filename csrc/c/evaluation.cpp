// SPDX-License-Identifier: BSD-3-Clause
#include "core/runtime/evaluation.hpp"

#include <algorithm>
#include <array>

#include "core/runtime/batch.hpp"
#include "handles.hpp"

using namespace hipnn_ts;

struct hipnn_ts_evaluation {
  explicit hipnn_ts_evaluation(const hipnn_ts_model& model)
      : evaluation(model.model), batch(model.model), closest(model.closest) {
    species_of_number.fill(-1);
    int64_t next = 0;
    for (const std::string& symbol : model.network().elements) {
      species_of_number[atomic_number(symbol)] = next++;
    }
  }

  /// Throws std::invalid_argument if the model does not know an element.
  void take_species(int64_t n, const int32_t* atomic_numbers, int64_t* found) const;

  Evaluation evaluation;
  Batch batch;
  ClosestApproach closest;
  std::array<int64_t, n_elements + 1> species_of_number;
  std::vector<int64_t> species;
  Wanted wanted;
  bool computed = false;                // whether the last call computed them
  std::vector<BatchFacts> facts;        // of the last batch, if it computed them
  std::vector<double> force_deviations; // of its atoms, if requested
  std::vector<double> uncertainties;    // likewise
  /// Whose results the last call left: deviations and uncertainties.
  enum class Given { none, structure, batch } deviations = Given::none, uncertainty = Given::none;

  void forget() { deviations = uncertainty = Given::none; }
  void given(Given which) {
    deviations = wanted.deviations ? which : Given::none;
    uncertainty = wanted.uncertainty ? which : Given::none;
  }
};

void hipnn_ts_evaluation::take_species(
    int64_t n, const int32_t* atomic_numbers, int64_t* found) const {
  for (int64_t i = 0; i < n; ++i) {
    const int32_t number = atomic_numbers[i];
    const bool exists = number > 0 && number <= n_elements;
    found[i] = exists ? species_of_number[number] : -1;
    if (found[i] >= 0) {
      continue;
    }
    std::string elements;
    for (const std::string& symbol : evaluation.model().architecture().elements) {
      elements += " " + symbol;
    }
    throw std::invalid_argument(
        "atom " + std::to_string(i) + ": expected one of the elements" + elements + ", found " +
        (exists ? chemical_symbol(number) : "the atomic number " + std::to_string(number)));
  }
}

namespace {

using Given = hipnn_ts_evaluation::Given;

Box box_of(const double* cell, const int32_t* pbc) {
  if (!cell) {
    if (pbc && (pbc[0] || pbc[1] || pbc[2])) {
      throw std::invalid_argument("cell: expected box vectors where pbc is set, found null");
    }
    return {};
  }
  return pbc ? Box({pbc[0] != 0, pbc[1] != 0, pbc[2] != 0}, cell) : Box({true, true, true}, cell);
}

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

hipnn_ts_pair pair_of(const ClosePair& pair) {
  return {pair.receiver, pair.sender, pair.distance, pair.limit};
}

template <class Values> void copy(const Values& from, int64_t n, double* to) {
  if (to) {
    std::copy_n(from, n, to);
  }
}

} // namespace

hipnn_ts_status hipnn_ts_evaluation_create(
    const hipnn_ts_model* model, hipnn_ts_evaluation** evaluation, char* message,
    size_t message_size) {
  return created(evaluation, "evaluation", {message, message_size}, [&] {
    check_given(model, "model");
    return new hipnn_ts_evaluation(*model);
  });
}

void hipnn_ts_evaluation_free(hipnn_ts_evaluation* evaluation) {
  delete evaluation;
}

hipnn_ts_status hipnn_ts_compute(
    hipnn_ts_evaluation* evaluation, int64_t n_atoms, const int32_t* atomic_numbers,
    const double* positions, const double* cell, const int32_t* pbc, int32_t n_threads,
    double* energy, double* energies, double* forces, double* virial, char* message,
    size_t message_size) {
  const Message sentence{message, message_size};
  return guarded(sentence, [&] {
    check_given(evaluation, "evaluation");
    evaluation->computed = false;
    evaluation->forget();
    check_within(n_atoms, "n_atoms", 0, INT32_MAX);
    check_within(n_threads, "n_threads", 0, most_threads);
    if (n_atoms > 0) {
      check_given(atomic_numbers, "atomic_numbers");
      check_given(positions, "positions");
    }
    evaluation->species.resize(n_atoms);
    evaluation->take_species(n_atoms, atomic_numbers, evaluation->species.data());
    Evaluation& own = evaluation->evaluation;
    const Results& results = checked_compute(
        own, {n_atoms, positions, evaluation->species.data(), box_of(cell, pbc)}, n_threads,
        evaluation->wanted);
    evaluation->computed = true;
    evaluation->given(Given::structure);
    copy(&results.energy, 1, energy);
    copy(results.energies, n_atoms, energies);
    copy(results.forces, 3 * n_atoms, forces);
    if (virial) {
      copy(own.virial().begin(), 9, virial);
    }
    if (results.not_finite >= 0) {
      sentence.write(
          "atom " + std::to_string(results.not_finite) +
          ": expected a finite energy and force, found one that is not");
      return HIPNN_TS_NOT_FINITE;
    }
    return HIPNN_TS_OK;
  });
}

hipnn_ts_pair hipnn_ts_closest_pair(const hipnn_ts_evaluation* evaluation) {
  return pair_of(
      evaluation->computed ? evaluation->evaluation.closer_than(evaluation->closest) : ClosePair{});
}

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

hipnn_ts_status hipnn_ts_evaluation_members(
    hipnn_ts_evaluation* evaluation, int32_t member, int32_t deviations, char* message,
    size_t message_size) {
  return guarded({message, message_size}, [&] {
    check_given(evaluation, "evaluation");
    const int n_members = evaluation->evaluation.model().n_members();
    check_within(member, "member", mean_of_all, n_members - 1);
    evaluation->wanted.member = member;
    evaluation->wanted.deviations = deviations != 0;
    return HIPNN_TS_OK;
  });
}

hipnn_ts_status hipnn_ts_deviations(
    const hipnn_ts_evaluation* evaluation, double* energy, double* forces, double* virial,
    char* message, size_t message_size) {
  return guarded({message, message_size}, [&] {
    check_given(evaluation, "evaluation");
    if (evaluation->deviations == Given::none) {
      throw std::invalid_argument(
          "expected a computation with deviations before, found none; ask for them by "
          "hipnn_ts_evaluation_members");
    }
    const auto n = static_cast<int64_t>(evaluation->species.size());
    if (evaluation->deviations == Given::structure) {
      const Deviations& found = evaluation->evaluation.deviations();
      copy(&found.energy, 1, energy);
      copy(found.forces, n, forces);
      copy(found.virial.begin(), 9, virial);
      return HIPNN_TS_OK;
    }
    copy(evaluation->force_deviations.begin(), n, forces);
    for (const BatchFacts& found : evaluation->facts) {
      copy(&found.energy_deviation, 1, energy ? energy++ : nullptr);
      copy(found.virial_deviation.begin(), 9, virial);
      virial += virial ? 9 : 0;
    }
    return HIPNN_TS_OK;
  });
}

hipnn_ts_status hipnn_ts_evaluation_uncertainty(
    hipnn_ts_evaluation* evaluation, int32_t wanted, char* message, size_t message_size) {
  return guarded({message, message_size}, [&] {
    check_given(evaluation, "evaluation");
    if (wanted != 0 && !evaluation->evaluation.model().architecture().uncertain) {
      throw std::invalid_argument(no_uncertainty);
    }
    evaluation->wanted.uncertainty = wanted != 0;
    return HIPNN_TS_OK;
  });
}

hipnn_ts_status hipnn_ts_uncertainties(
    const hipnn_ts_evaluation* evaluation, double* forces, char* message, size_t message_size) {
  return guarded({message, message_size}, [&] {
    check_given(evaluation, "evaluation");
    if (evaluation->uncertainty == Given::none) {
      throw std::invalid_argument(
          "expected a computation with uncertainty before, found none; ask for it by "
          "hipnn_ts_evaluation_uncertainty");
    }
    const double* found = evaluation->uncertainty == Given::structure
                              ? evaluation->evaluation.uncertainties()
                              : evaluation->uncertainties.data();
    copy(found, static_cast<int64_t>(evaluation->species.size()), forces);
    return HIPNN_TS_OK;
  });
}
