// SPDX-License-Identifier: GPL-2.0-or-later
//
// Several networks in one file: their mean, or one of them, moves the atoms, and their spread shows
// how reliable that is. For a single network its force uncertainty does so.
#include "pair_hipnn_ts.h"

#include "comm.h"
#include "domain.h"
#include "error.h"
#include "update.h"

#include <algorithm>

namespace hipnn_ts_lammps {

namespace utils = LAMMPS_NS::utils;
using hipnn_ts::mean_of_all;

/// Reads the words after `committee` or `uncertainty`; returns their number.
int PairHipnnTs::committee_settings(const std::string& keyword, int narg, char** arg) {
  if (!committee_.keyword.empty() && committee_.keyword != keyword) {
    error->all(FLERR, "pair_style hipnn/ts: expected 'committee' or 'uncertainty', found both");
  }
  committee_.keyword = keyword;
  const bool members = keyword == "committee";
  int k = 0;
  const auto more = [&](int n) { return k + n < narg; };
  for (; k < narg; k += 2) {
    const std::string key = arg[k];
    if (key == "every" && more(1)) {
      committee_.every = utils::bnumeric(FLERR, arg[k + 1], false, lmp);
    } else if (members && key == "forces" && more(1) && std::string(arg[k + 1]) == "mean") {
      committee_.member = mean_of_all;
    } else if (members && key == "forces" && more(2) && std::string(arg[k + 1]) == "member") {
      committee_.member = std::max(0, utils::inumeric(FLERR, arg[k + 2], false, lmp));
      ++k;
    } else if (key == "stop" && more(1)) {
      committee_.stop = utils::numeric(FLERR, arg[k + 1], false, lmp);
    } else if (key == "file" && more(1)) {
      committee_.table = arg[k + 1];
    } else if (key == "frames" && more(3) && std::string(arg[k + 2]) == "above") {
      committee_.frames = arg[k + 1];
      committee_.above = utils::numeric(FLERR, arg[k + 3], false, lmp);
      k += 2;
    } else {
      break;
    }
  }
  if (committee_.every <= 0) {
    error->all(
        FLERR,
        "pair_style hipnn/ts: expected '{} every N', N above 0, then any of {}'stop X', 'file "
        "NAME' and 'frames NAME above X', found '{}'",
        keyword, members ? "'forces mean|member K', " : "",
        utils::trim(k < narg ? arg[k] : keyword));
  }
  return k;
}

void PairHipnnTs::check_committee() {
  const int n_members = model_.network.n_members;
  if (committee_.keyword == "committee" && n_members == 1) {
    error->all(
        FLERR,
        "pair_coeff hipnn/ts: {}: 'committee' expects several members in one file, found a single "
        "network; make one with 'hipnn-ts export FOLDER -o model.pt'",
        path_);
  }
  if (committee_.member >= n_members) {
    error->all(
        FLERR,
        "pair_coeff hipnn/ts: {}: expected 'forces member' below {}, since members count from 0, "
        "found {}",
        path_, n_members, committee_.member);
  }
}

void PairHipnnTs::check_uncertainty() {
  if (committee_.keyword != "uncertainty") {
    return;
  }
  const auto refuse = [this](const std::string& expected) {
    error->all(FLERR, "pair_coeff hipnn/ts: {}: 'uncertainty' expects {}", path_, expected);
  };
  if (model_.portable) {
    refuse("a fused file, found a portable one; export it again without --portable");
  }
  if (model_.network.n_members > 1) {
    refuse(
        "a single network, found a committee, whose members 'committee every N' compares; use "
        "that");
  }
  if (!model_.network.uncertain) {
    refuse(
        "a file with force uncertainty, found one without; export a checkpoint of training with "
        "forces among its validation data, and without --no-uncertainty");
  }
  if (gpu_ != no_gpu) {
    refuse(
        "device cpu, found device cuda; use 'device cpu', or 'hipnn-ts deviate' on the trajectory");
  }
}

/// Whether the network has force uncertainty.
bool PairHipnnTs::uncertain() const {
  return model_.network.uncertain && gpu_ == no_gpu;
}

bool PairHipnnTs::deviations_wanted() const {
  const bool due = committee_.every > 0 && update->ntimestep % committee_.every == 0;
  return (model_.network.n_members > 1 || uncertain()) && (due || deviation_flag_);
}

double PairHipnnTs::weight_of(int member) const {
  if (committee_.member == mean_of_all) {
    return 1.0 / model_.network.n_members;
  }
  return member == committee_.member ? 1.0 : 0.0;
}

void PairHipnnTs::open_committee_files() {
  write_files([&] { committee_output_.open(committee_); });
}

/// Opened on one rank; if that fails, all end.
template <class Write> void PairHipnnTs::write_files(const Write& write) {
  Fault fault;
  try {
    if (comm->me == 0) {
      write();
    }
  } catch (const InputError& failure) {
    fault.order = 0.0;
    fault.sentence = fmt::format("pair_style hipnn/ts: {}: {}", committee_.keyword, failure.what());
  }
  stop_together(fault);
}

/// After all members have been evaluated, or the network with its force uncertainty.
void PairHipnnTs::take_deviations() {
  deviation_flag_ = 0;
  deviated_at_step_ = update->ntimestep;
  const bool members = model_.network.n_members > 1;
  if (members) {
    exchange_member_forces();
  }
  const DeviationSummary found =
      members ? member_results_.summarise(world)
              : member_results_.summarise(evaluator_->uncertainties(), world);
  const double largest = scaled_unit_ * found.max_force;
  if (comm->me == 0) {
    double* shown = shown_.data() + N_STAGES;
    shown[0] = largest;
    shown[1] = scaled_unit_ * found.min_force;
    shown[2] = scaled_unit_ * found.mean_force;
  }
  write_files([&] { committee_output_.write_row(update->ntimestep, found, scaled_unit_); });
  if (!committee_.frames.empty() && largest > committee_.above) {
    const Frame frame = gather_frame();
    write_files([&] { committee_output_.write_frame(frame); });
  }
  if (largest > committee_.stop) {
    if (members) {
      error->all(
          FLERR,
          "pair_style hipnn/ts: members of the committee differ by {:.3g} in the force of an atom "
          "at step {}, more than 'stop {:g}' allows",
          largest, update->ntimestep, committee_.stop);
    }
    error->all(
        FLERR,
        "pair_style hipnn/ts: the uncertainty of the force on an atom is {:.3g} at step {}, more "
        "than 'stop {:g}' allows",
        largest, update->ntimestep, committee_.stop);
  }
}

/// The atoms of all ranks, by id, on rank 0.
Frame PairHipnnTs::gather_frame() {
  constexpr int n_values = 6; // id, species, position, deviation
  const double scale = scaled_unit_ / energy_unit_;
  std::vector<double> own, all;
  for (int row = 0; row < rows_.counts().receivers; ++row) {
    const int i = rows_.atom(row);
    const double* x = atom->x[i];
    own.insert(
        own.end(), {static_cast<double>(atom->tag[i]), static_cast<double>(rows_.species()[row]),
                    x[0], x[1], x[2], scale * member_results_.force_deviations()[row]});
  }
  const auto n_own = static_cast<int>(own.size());
  std::vector<int> counts(comm->nprocs), places(comm->nprocs, 0);
  MPI_Gather(&n_own, 1, MPI_INT, counts.data(), 1, MPI_INT, 0, world);
  for (int rank = 1; rank < comm->nprocs; ++rank) {
    places[rank] = places[rank - 1] + counts[rank - 1];
  }
  all.resize(comm->me == 0 ? places.back() + counts.back() : 0);
  MPI_Gatherv(
      own.data(), n_own, MPI_DOUBLE, all.data(), counts.data(), places.data(), MPI_DOUBLE, 0,
      world);
  const auto& box = *domain;
  Frame frame{
      update->ntimestep,
      {{box.xprd, 0.0, 0.0}, {box.xy, box.yprd, 0.0}, {box.xz, box.yz, box.zprd}},
      {box.xperiodic != 0, box.yperiodic != 0, box.zperiodic != 0},
      model_.network.n_members > 1 ? "forces_std" : "forces_uncertainty",
      {}};
  for (size_t v = 0; v < all.size(); v += n_values) {
    const auto species = static_cast<size_t>(all[v + 1]);
    frame.atoms.push_back(
        {static_cast<LAMMPS_NS::tagint>(all[v]),
         model_.network.elements[species],
         {all[v + 2], all[v + 3], all[v + 4]},
         all[v + 5]});
  }
  std::sort(frame.atoms.begin(), frame.atoms.end(), [](const auto& a, const auto& b) {
    return a.id < b.id;
  });
  return frame;
}

} // namespace hipnn_ts_lammps
