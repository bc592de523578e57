// SPDX-License-Identifier: GPL-2.0-or-later
//
// The commands of the input script: pair_style and pair_coeff.
#include "pair_hipnn_ts.h"

#include <algorithm>

#include "comm.h"
#include "error.h"
#include "force.h"
#include "memory.h"
#include "update.h"

#include "core/cuda/driver.hpp"
#include "core/cuda/gpu.hpp"

#include <algorithm>
#include <fstream>
#include <map>
#include <sstream>

namespace hipnn_ts_lammps {

namespace utils = LAMMPS_NS::utils;

/// Ranks of one machine are assigned its GPUs in turn.
int PairHipnnTs::gpu_of_this_rank() {
  if (hipnn_ts::cuda::n_gpus() == 0) {
    error->all(
        FLERR,
        "pair_style hipnn/ts: device cuda: expected an NVIDIA GPU, found none; use cpu or auto");
  }
  MPI_Comm machine;
  int rank = 0;
  MPI_Comm_split_type(world, MPI_COMM_TYPE_SHARED, comm->me, MPI_INFO_NULL, &machine);
  MPI_Comm_rank(machine, &rank);
  MPI_Comm_free(&machine);
  const int gpu = rank % hipnn_ts::cuda::n_gpus();
  std::string mistake;
  try {
    hipnn_ts::cuda::own_gpu(gpu);
  } catch (const std::exception& failure) {
    mistake = reason(failure);
  }
  stop_where_failed("pair_style hipnn/ts: device cuda", mistake);
  return gpu;
}

/// A library may be missing on one node only: no rank may wait for another that has stopped.
void PairHipnnTs::stop_where_failed(const std::string& command, const std::string& mistake) {
  const int failed = !mistake.empty();
  int n_failed = 0;
  MPI_Allreduce(&failed, &n_failed, 1, MPI_INT, MPI_SUM, world);
  if (n_failed == comm->nprocs) {
    error->all(FLERR, "{}: {}", command, mistake);
  } else if (failed) {
    error->one(FLERR, "{}: rank {}: {}", command, comm->me, mistake);
  } else if (n_failed > 0) {
    MPI_Barrier(world);
  }
}

void PairHipnnTs::settings(int narg, char** arg) {
  gpu_ = no_gpu;
  beyond_training_ = BeyondTraining::warn;
  self_energies_ = true;
  committee_ = {};
  const std::map<std::string, BeyondTraining> actions{
      {"ignore", BeyondTraining::ignore},
      {"warn", BeyondTraining::warn},
      {"stop", BeyondTraining::stop}};
  for (int k = 0; k < narg; k += 2) {
    const std::string key = arg[k], value = k + 1 < narg ? arg[k + 1] : "";
    if (key == "committee" || key == "uncertainty") {
      k += committee_settings(key, narg - k - 1, arg + k + 1) - 1;
    } else if (key == "device" && value == "cuda") {
      gpu_ = gpu_of_this_rank();
    } else if (key == "self_energies" && (value == "yes" || value == "no")) {
      self_energies_ = value == "yes";
    } else if (key == "beyond_training" && actions.count(value)) {
      beyond_training_ = actions.at(value);
    } else if (key != "device" || (value != "cpu" && value != "auto")) {
      error->all(
          FLERR,
          "pair_style hipnn/ts: expected 'device cpu|cuda|auto', 'beyond_training "
          "ignore|warn|stop', 'self_energies yes|no', 'committee every N ...' or 'uncertainty "
          "every "
          "N ...', found '{}'",
          utils::trim(key + " " + value));
    }
  }
}

void PairHipnnTs::coeff(int narg, char** arg) {
  if (narg < 3) {
    error->all(FLERR, "pair_coeff hipnn/ts: expected '* *', a file and one element for each type");
  }
  path_ = arg[2];
  const auto bytes = read_on_all_ranks(path_);
  std::string mistake;
  try {
    model_ = load_model(path_, bytes);
    if (!self_energies_) {
      std::fill(model_.self_energies.begin(), model_.self_energies.end(), 0.0);
    }
    evaluator_ = create_evaluator(model_, rows_, gpu_);
    centroid_passes_.clear();
  } catch (const std::exception& failure) {
    mistake = reason(failure);
  }
  stop_where_failed("pair_coeff hipnn/ts", mistake);
  check_committee();
  check_uncertainty();
  map_types(narg - 3, arg + 3);
  comm_forward = 0;
  for (size_t block = 1; block < model_.network.n_features.size(); ++block) {
    comm_forward = MAX(comm_forward, evaluator_->doubles_per_atom(static_cast<int>(block)));
  }
  comm_reverse = comm_forward;
  if (const int n_members = model_.network.n_members; n_members > 1) {
    comm_reverse = MAX(comm_reverse, MemberResults::doubles_per_atom_of(n_members));
  }
  mapping_printed_ = false;
  new_run_ = true;
}

/// One rank reads the file, so that it need not be on every node.
std::string PairHipnnTs::read_on_all_ranks(const std::string& path) {
  std::string bytes;
  int64_t size = -1;
  if (comm->me == 0) {
    const auto found = utils::get_potential_file_path(path);
    std::ifstream file(found, std::ios::binary);
    if (!found.empty() && file) {
      std::ostringstream content;
      content << file.rdbuf();
      bytes = content.str();
      size = static_cast<int64_t>(bytes.size());
    }
  }
  MPI_Bcast(&size, 1, MPI_INT64_T, 0, world);
  if (size < 0) {
    error->all(FLERR, "pair_coeff hipnn/ts: {}: no such file", path);
  }
  bytes.resize(size);
  constexpr int64_t chunk = 1 << 30; // MPI counts in int
  for (int64_t start = 0; start < size; start += chunk) {
    const auto count = static_cast<int>(std::min(chunk, size - start));
    MPI_Bcast(bytes.data() + start, count, MPI_CHAR, 0, world);
  }
  return bytes;
}

void PairHipnnTs::map_types(int n_names, char** names) {
  const int n_types = atom->ntypes;
  const auto& known = model_.network.elements;
  if (n_names != n_types) {
    error->all(
        FLERR,
        "pair_coeff hipnn/ts: expected one element (or NULL) for each of the {} atom types, "
        "found {}",
        n_types, n_names);
  }
  species_of_type_.assign(n_types + 1, -1);
  for (int type = 1; type <= n_types; ++type) {
    const std::string name = names[type - 1];
    const auto found = std::find(known.begin(), known.end(), name);
    if (found != known.end()) {
      species_of_type_[type] = static_cast<int>(found - known.begin());
    } else if (name != "NULL") {
      error->all(
          FLERR, "pair_coeff hipnn/ts: expected elements among {} (those of {}), found {}",
          utils::join_words(known, " "), path_, name);
    } else if (force->pair == this) {
      error->all(
          FLERR,
          "pair_coeff hipnn/ts: expected an element for atom type {}, found NULL, which is for "
          "hybrid pair styles",
          type);
    }
  }
  if (!allocated) {
    allocated = 1;
    memory->create(setflag, n_types + 1, n_types + 1, "pair:setflag");
    memory->create(cutsq, n_types + 1, n_types + 1, "pair:cutsq");
    memory->create(scale_, n_types + 1, n_types + 1, "pair:scale");
  }
  bool any = false;
  for (int i = 1; i <= n_types; ++i) {
    for (int j = 1; j <= n_types; ++j) {
      scale_[i][j] = 1.0;
      setflag[i][j] = species_of_type_[i] >= 0 && species_of_type_[j] >= 0;
      any = any || setflag[i][j];
    }
  }
  if (!any) {
    error->all(
        FLERR,
        "pair_coeff hipnn/ts: expected an element for at least one atom type, found NULL only");
  }
}

void PairHipnnTs::print_mapping() {
  mapping_printed_ = true;
  if (comm->me != 0) {
    return;
  }
  std::string zbl;
  if (!model_.network.zbl.empty()) {
    const auto [low, high] = std::minmax_element(
        model_.network.zbl.begin(), model_.network.zbl.end(),
        [](const auto& a, const auto& b) { return a.outer < b.outer; });
    zbl = *low == *high
              ? fmt::format(", ZBL {:g} to {:g} Angstrom", low->inner, low->outer)
              : fmt::format(", ZBL below {:g} to {:g} Angstrom, by pair", low->outer, high->outer);
  }
  std::string table = fmt::format(
      "hipnn/ts: {} ({}, {}), elements {}, {} interaction layers, cutoff {:g} Angstrom{}\n"
      "  units {}, {} MPI rank(s) of {} thread(s), device {}{}\n",
      path_, model_.portable ? "portable" : "fused",
      model_.network.double_precision ? "float64" : "float32",
      utils::join_words(model_.network.elements, " "), model_.network.n_blocks(),
      model_.network.cutoff, zbl, update->unit_style, comm->nprocs, comm->nthreads,
      gpu_ == no_gpu ? "cpu" : "cuda", self_energies_ ? "" : ", without self energies");
  if (model_.network.n_members > 1) {
    table += fmt::format(
        "  committee of {}, forces of {}, deviations {}\n", model_.network.n_members,
        committee_.member == hipnn_ts::mean_of_all ? "the mean"
                                                   : fmt::format("member {}", committee_.member),
        committee_.every > 0 ? fmt::format("every {} step(s)", committee_.every) : "on request");
  }
  if (uncertain()) {
    table += fmt::format(
        "  force uncertainty {}\n",
        committee_.every > 0 ? fmt::format("every {} step(s)", committee_.every) : "on request");
  }
  for (int type = 1; type <= atom->ntypes; ++type) {
    const int species = species_of_type_[type];
    table += fmt::format(
        "  type {} -> {}\n", type,
        species < 0 ? "not this potential's" : model_.network.elements[species]);
  }
  utils::logmesg(lmp, table);
}

} // namespace hipnn_ts_lammps
