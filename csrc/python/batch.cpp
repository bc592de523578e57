// SPDX-License-Identifier: BSD-3-Clause
//
// Many structures in one call, NumPy in and out.
#include "core/runtime/batch.hpp"

#include <algorithm>
#include <mutex>

#include "arrays.hpp"
#include "runtime.hpp"

namespace hipnn_ts {
namespace {

namespace py = pybind11;

/// Python's threads may share one: they take turns.
struct PythonBatch {
  explicit PythonBatch(const std::shared_ptr<const Model>& model) : batch(model) {}

  std::mutex mutex;
  Batch batch;
};

py::tuple compute_batch(
    PythonBatch& self, const Array<int64_t>& counts, const Array<double>& positions,
    const Array<int64_t>& species, const Array<double>& cells, const Array<bool>& periodic,
    const Array<double>& limits, int n_threads, int member, bool with_deviations,
    bool with_uncertainty) {
  check_shape(counts, "counts", {-1});
  check_shape(positions, "positions", {-1, 3});
  const int64_t n = positions.shape(0), n_structures = counts.size();
  check_shape(species, "species", {n});
  check_shape(cells, "cells", {n_structures, 3, 3});
  check_shape(periodic, "pbc", {n_structures, 3});
  std::vector<Structure> structures;
  int64_t first = 0;
  for (int64_t s = 0; s < n_structures; ++s) {
    const int64_t count = counts.data()[s];
    if (count < 0 || count > n - first) {
      throw py::value_error("counts: expected numbers of atoms that sum to " + std::to_string(n));
    }
    const bool* along = periodic.data() + 3 * s;
    structures.push_back(
        {count, positions.data() + 3 * first, species.data() + first,
         Box({along[0], along[1], along[2]}, cells.data() + 9 * s)});
    first += count;
  }
  if (first != n) {
    throw py::value_error("counts: expected numbers of atoms that sum to " + std::to_string(n));
  }
  Batch& batch = self.batch;
  const ClosestApproach approach = limits_of(limits, batch.model().architecture().n_species());
  Array<double> energies(n), forces({n, int64_t{3}}), totals(n_structures),
      virials({n_structures, int64_t{3}, int64_t{3}}), of_forces(n), of_energies(n_structures),
      of_virials({n_structures, int64_t{3}, int64_t{3}});
  Array<double> uncertainty(with_uncertainty ? n : 0);
  Array<int64_t> not_finite(n_structures);
  std::vector<BatchFacts> facts(n_structures);
  const BatchResults results{energies.mutable_data(),  forces.mutable_data(),
                             virials.mutable_data(),   facts.data(),
                             of_forces.mutable_data(), uncertainty.mutable_data()};
  {
    const py::gil_scoped_release others_run;
    const std::lock_guard<std::mutex> lock(self.mutex);
    naming_structures([&] {
      batch.compute(
          structures, approach, n_threads, results, {member, with_deviations, with_uncertainty});
    });
  }
  py::list closest;
  for (int64_t s = 0; s < n_structures; ++s) {
    totals.mutable_data()[s] = facts[s].energy;
    not_finite.mutable_data()[s] = facts[s].not_finite;
    of_energies.mutable_data()[s] = facts[s].energy_deviation;
    std::copy_n(facts[s].virial_deviation.begin(), 9, of_virials.mutable_data() + 9 * s);
    if (const ClosePair& pair = facts[s].closest) {
      closest.append(py::make_tuple(s, py::make_tuple(pair.receiver, pair.sender, pair.distance)));
    }
  }
  return with_measures(
      py::make_tuple(totals, energies, forces, virials, closest, not_finite), with_deviations,
      py::make_tuple(of_energies, of_forces, of_virials), with_uncertainty, uncertainty);
}

} // namespace

void define_batch(py::module_& m) {
  using py::arg;
  py::class_<PythonBatch>(m, "Batch", "A model at work on many structures at once.")
      .def(py::init<const std::shared_ptr<const Model>&>(), arg("model"))
      .def(
          "compute", &compute_batch, arg("counts"), arg("positions"), arg("species"), arg("cells"),
          arg("pbc"), arg("limits"), arg("n_threads") = 0, arg("member") = mean_of_all,
          arg("deviations") = false, arg("uncertainty") = false,
          "Energies and forces of S structures, whose N atoms follow each other.\n\n"
          "counts (S,), atoms of each; positions (N, 3) and species (N,); cells (S, 3, 3) and pbc "
          "(S, 3); limits and n_threads as of Evaluation. What each structure gets is what "
          "Evaluation gives it, to the last bit.\n\n"
          "Returns energies (S,) and energies of atoms (N,), eV; forces (N, 3), eV/Å; virials "
          "(S, 3, 3), eV; closest, [(structure, (receiver, sender, distance)), ...] of those with "
          "a pair below its limit; not_finite (S,); with deviations those of energies (S,), "
          "forces (N,) and virials (S, 3, 3), or None where only what follows is asked for; with "
          "uncertainty that of forces (N,). Raises ValueError, 'structure 3: ...'.");
}

} // namespace hipnn_ts
