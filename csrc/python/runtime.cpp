// SPDX-License-Identifier: BSD-3-Clause
//
// The runtime for Python: NumPy in and out; other Python threads run meanwhile.
#include "runtime.hpp"

#include <omp.h>
#include <pybind11/stl.h>

#include <mutex>

#include "arrays.hpp"
#include "core/model_file/model_file.hpp"
#include "core/runtime/evaluation.hpp"

namespace hipnn_ts {
namespace {

namespace py = pybind11;

using SharedModel = std::shared_ptr<const Model>;

SharedModel model_of(const std::string_view content, const std::string& path) {
  try {
    return std::make_shared<const Model>(ModelFile(path, content).model());
  } catch (const FileError& error) {
    throw py::value_error(error.what());
  }
}

/// Python's threads may share one: they take turns.
struct PythonEvaluation {
  explicit PythonEvaluation(const SharedModel& model) : evaluation(model) {}

  std::mutex mutex;
  Evaluation evaluation;
};

Box box_of(const Array<double>& cell, const std::array<bool, 3>& periodic) {
  check_shape(cell, "cell", {3, 3});
  return {periodic, cell.data()};
}

py::tuple compute(
    PythonEvaluation& self, const Array<double>& positions, const Array<int64_t>& species,
    const Array<double>& cell, const std::array<bool, 3>& periodic, const Array<double>& limits,
    int n_threads, bool with_virial, int member, bool with_deviations, bool with_uncertainty) {
  check_shape(positions, "positions", {-1, 3});
  const int64_t n = positions.shape(0);
  check_shape(species, "species", {n});
  const Structure structure{n, positions.data(), species.data(), box_of(cell, periodic)};
  const Wanted wanted{member, with_deviations, with_uncertainty};
  Evaluation& evaluation = self.evaluation;
  const ClosestApproach approach = limits_of(limits, evaluation.model().architecture().n_species());
  Array<double> energies(n), forces({n, int64_t{3}}), virial({3, 3});
  double* const out[] = {energies.mutable_data(), forces.mutable_data(), virial.mutable_data()};
  ClosePair closest;
  int64_t not_finite;
  Array<double> of_forces(with_deviations ? n : 0), of_virial({3, 3});
  double* const apart[] = {of_forces.mutable_data(), of_virial.mutable_data()};
  double of_energy = 0.0;
  Array<double> uncertainty(with_uncertainty ? n : 0);
  double* const of_errors = uncertainty.mutable_data();
  {
    const py::gil_scoped_release others_run;
    const std::lock_guard<std::mutex> lock(self.mutex);
    const Results& results = checked_compute(evaluation, structure, n_threads, wanted);
    std::copy_n(results.energies, n, out[0]);
    std::copy_n(results.forces, 3 * n, out[1]);
    if (with_virial) {
      const auto strain_gradient = evaluation.virial();
      std::copy_n(strain_gradient.begin(), 9, out[2]);
    }
    closest = evaluation.closer_than(approach);
    not_finite = results.not_finite;
    if (with_deviations) {
      const Deviations& found = evaluation.deviations();
      of_energy = found.energy;
      std::copy_n(found.forces, n, apart[0]);
      std::copy_n(found.virial.begin(), 9, apart[1]);
    }
    if (with_uncertainty) {
      std::copy_n(evaluation.uncertainties(), n, of_errors);
    }
  }
  const py::object pair =
      closest ? py::object(py::make_tuple(closest.receiver, closest.sender, closest.distance))
              : py::object(py::none());
  const py::object strain_gradient = with_virial ? py::object(virial) : py::object(py::none());
  return with_measures(
      py::make_tuple(energies, forces, strain_gradient, pair, not_finite), with_deviations,
      py::make_tuple(of_energy, of_forces, of_virial), with_uncertainty, uncertainty);
}

template <class T>
py::tuple pairs_evaluated(
    const Model& model, const Array<int64_t>& species, const std::vector<int32_t>& receivers,
    const std::vector<int32_t>& senders, const Array<double>& vectors) {
  const int64_t n = species.size();
  const auto n_pairs = static_cast<int64_t>(receivers.size());
  const std::vector<T> cast(vectors.data(), vectors.data() + vectors.size());
  Array<double> energies(n);
  Array<T> gradients({n_pairs, int64_t{3}});
  double* of_atoms = energies.mutable_data();
  T* of_pairs = gradients.mutable_data();
  {
    const py::gil_scoped_release others_run;
    PairEvaluation<T> evaluation(model.all_weights<T>());
    compute_mean(
        model, evaluation,
        {n, n, n_pairs, species.data(), receivers.data(), senders.data(), cast.data(),
         omp_get_max_threads()},
        of_atoms, of_pairs);
  }
  return py::make_tuple(energies, gradients);
}

py::tuple evaluate_pairs(
    const SharedModel& model, const Array<int64_t>& species, const Array<int64_t>& receivers,
    const Array<int64_t>& senders, const Array<double>& vectors) {
  check_shape(species, "species", {-1});
  check_shape(receivers, "receivers", {-1});
  const int64_t n_pairs = receivers.size();
  check_shape(senders, "senders", {n_pairs});
  check_shape(vectors, "vectors", {n_pairs, 3});
  const auto narrow = [&](const Array<int64_t>& ends) {
    std::vector<int32_t> out;
    for (int64_t p = 0; p < n_pairs; ++p) {
      // Values that do not fit are out of range as well.
      const int64_t end = ends.data()[p];
      out.push_back(end == static_cast<int32_t>(end) ? static_cast<int32_t>(end) : -1);
    }
    return out;
  };
  const auto to = narrow(receivers), from = narrow(senders);
  return model->architecture().double_precision
             ? pairs_evaluated<double>(*model, species, to, from, vectors)
             : pairs_evaluated<float>(*model, species, to, from, vectors);
}

py::tuple neighbour_pairs(
    const Array<double>& positions, const Array<double>& cell, const std::array<bool, 3>& periodic,
    double cutoff, int n_threads) {
  check_shape(positions, "positions", {-1, 3});
  const Box box = box_of(cell, periodic);
  if (!(cutoff > 0.0)) {
    throw py::value_error("cutoff: expected a distance in Å, found " + std::to_string(cutoff));
  }
  std::vector<int64_t> receivers, senders;
  std::vector<double> vectors;
  {
    const py::gil_scoped_release others_run;
    const int threads = n_threads > 0 ? n_threads : omp_get_max_threads();
    NeighbourList list(cutoff, 0.0);
    naming_atoms([&] { list.search(positions.data(), positions.shape(0), box, threads); });
    receivers.resize(list.size());
    senders.resize(list.size());
    vectors.resize(3 * list.size());
    const int64_t n_pairs =
        list.gather(positions.data(), threads, receivers.data(), senders.data(), vectors.data());
    receivers.resize(n_pairs);
    senders.resize(n_pairs);
    vectors.resize(3 * n_pairs);
  }
  const auto n_pairs = static_cast<py::ssize_t>(receivers.size());
  return py::make_tuple(
      array_of(receivers.data(), {n_pairs}), array_of(senders.data(), {n_pairs}),
      array_of(vectors.data(), {n_pairs, 3}));
}

} // namespace

void define_runtime(py::module_& m) {
  using py::arg;
  py::class_<Model, std::shared_ptr<Model>>(
      m, "Model", "The network of an exported fused file, or its committee, ready to evaluate.")
      .def(
          py::init([](const std::string_view content, const std::string& path) {
            return std::const_pointer_cast<Model>(model_of(content, path));
          }),
          arg("content"), arg("path"),
          "Of the whole content of a file, which messages call ``path``. Raises ValueError.")
      .def_property_readonly(
          "description", [](const Model& self) { return described(self.architecture()); },
          "The network in JSON, as describe_model_file.")
      .def_property_readonly(
          "self_energies",
          [](const Model& self) {
            return array_of(self.self_energies(), {self.architecture().n_species()});
          },
          "(n_species,) float64, eV, of the first member.")
      .def_property_readonly(
          "n_members", &Model::n_members, "Networks in the file; several are a committee.");
  py::class_<PythonEvaluation>(
      m, "Evaluation", "A model at work, with its buffers and neighbour lists.")
      .def(py::init<const SharedModel&>(), arg("model"))
      .def(
          "compute", &compute, arg("positions"), arg("species"), arg("cell"), arg("pbc"),
          arg("limits"), arg("n_threads") = 0, arg("virial") = true, arg("member") = mean_of_all,
          arg("deviations") = false, arg("uncertainty") = false,
          "Energies and forces of atoms in any cell.\n\n"
          "positions (n, 3) and cell (3, 3), float64, Å; species (n,), int64; pbc, three bools: "
          "cell vectors of other directions are not read. limits (n_species, n_species), Å, "
          "closest approaches in the training data, or (0, 0). n_threads 0 is as many as OpenMP "
          "gives. Of a committee results are those of a member, or with -1 of the mean.\n\n"
          "Returns energies (n,), eV, self energies included; forces (n, 3), eV/Å; virial (3, 3), "
          "eV, sum r dE/dr over pairs, or None where it is not wanted; closest, None or (receiver, "
          "sender, distance) of the pair "
          "farthest below its limit; not_finite, the first atom whose results are not, or -1; "
          "and with deviations standard deviations over the members: of the energy, eV, of forces "
          "(n,), eV/Å, and of the virial (3, 3), eV; and with uncertainty that of forces (n,), "
          "eV/Å, after None where deviations were not asked for. Raises ValueError.");
  m.def(
      "evaluate_pairs", &evaluate_pairs, arg("model"), arg("species"), arg("receivers"),
      arg("senders"), arg("vectors"),
      "Energies (n,), eV, self energies included, and dE/dr (P, 3), eV/Å, of given pairs "
      "r_sender - r_receiver (P, 3), Å.");
  m.def(
      "neighbour_pairs", &neighbour_pairs, arg("positions"), arg("cell"), arg("pbc"), arg("cutoff"),
      arg("n_threads") = 0,
      "All directed pairs within the cutoff, every image included: receivers (P,), senders (P,), "
      "int64, sorted, and vectors r_sender - r_receiver (P, 3), float64, Å.");
}

} // namespace hipnn_ts
