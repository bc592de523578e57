// SPDX-License-Identifier: BSD-3-Clause
#include "evaluation_handle.hpp"

using namespace hipnn_ts;

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

Box hipnn_ts::box_of(const double* cell, const int32_t* pbc) {
  if (!cell) {
    if (pbc && (pbc[0] || pbc[1] || pbc[2])) {
      throw std::invalid_argument("cell: expected box vectors where pbc is set, found null");
    }
    return {};
  }
  return pbc ? Box({pbc[0] != 0, pbc[1] != 0, pbc[2] != 0}, cell) : Box({true, true, true}, cell);
}

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
