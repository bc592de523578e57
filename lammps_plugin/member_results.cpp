// SPDX-License-Identifier: GPL-2.0-or-later
#include "member_results.h"

#include "feature_exchange.h"

#include "core/runtime/committee.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace hipnn_ts_lammps {

void MemberResults::begin(int n_members) {
  n_members_ = n_members;
  forces_.assign(3 * static_cast<int64_t>(n_members) * rows_.counts().rows, 0.0);
  sums_.assign(sums_per_member * n_members, 0.0);
}

void MemberResults::take(int member, const double* forces, const Sums& sums) {
  for (int row = 0; row < rows_.counts().senders; ++row) {
    std::copy_n(
        forces + 3 * row, 3,
        forces_.data() + 3 * (static_cast<int64_t>(row) * n_members_ + member));
  }
  std::copy_n(sums.virial.begin(), sums_per_member, sums_.begin() + sums_per_member * member);
}

int MemberResults::pack_gradients(int, int n, int first_ghost, double* buffer) {
  const FeatureRows<double> rows{forces_.data(), doubles_per_atom(0)};
  return rows.pack_ghosts(rows_, n, first_ghost, buffer);
}

void MemberResults::add_gradients(int, int n, const int* atoms, const double* buffer) {
  FeatureRows<double>{forces_.data(), doubles_per_atom(0)}.add(rows_, n, atoms, buffer);
}

/// Statistics over the values known for the rank's atoms.
DeviationSummary MemberResults::of_forces(MPI_Comm world) const {
  constexpr double none = -std::numeric_limits<double>::infinity();
  double extremes[2] = {none, none}; // the largest, and minus the smallest
  double of_atoms[2] = {0.0, static_cast<double>(force_deviations_.size())}; // sum and number
  for (const double apart : force_deviations_) {
    extremes[0] = std::max(extremes[0], apart);
    extremes[1] = std::max(extremes[1], -apart);
    of_atoms[0] += apart;
  }
  MPI_Allreduce(MPI_IN_PLACE, extremes, 2, MPI_DOUBLE, MPI_MAX, world);
  MPI_Allreduce(MPI_IN_PLACE, of_atoms, 2, MPI_DOUBLE, MPI_SUM, world);
  DeviationSummary out;
  out.n_atoms = of_atoms[1];
  if (out.n_atoms > 0.0) {
    out.max_force = extremes[0];
    out.min_force = -extremes[1];
    out.mean_force = of_atoms[0] / out.n_atoms;
  }
  return out;
}

DeviationSummary MemberResults::summarise(const double* uncertainties, MPI_Comm world) {
  force_deviations_.assign(uncertainties, uncertainties + rows_.counts().receivers);
  DeviationSummary out = of_forces(world);
  constexpr double unknown = std::numeric_limits<double>::quiet_NaN();
  out.max_virial = out.min_virial = out.mean_virial = unknown;
  return out;
}

DeviationSummary MemberResults::summarise(MPI_Comm world) {
  const int n = rows_.counts().receivers;
  force_deviations_.resize(n);
  for (int row = 0; row < n; ++row) {
    const double* forces = forces_.data() + 3 * static_cast<int64_t>(row) * n_members_;
    force_deviations_[row] = hipnn_ts::deviation(forces, n_members_, 3, 3);
  }
  DeviationSummary out = of_forces(world);
  MPI_Allreduce(
      MPI_IN_PLACE, sums_.data(), static_cast<int>(sums_.size()), MPI_DOUBLE, MPI_SUM, world);
  if (out.n_atoms == 0.0) {
    return out;
  }
  // The tensor is symmetric: three of its nine components occur twice.
  out.min_virial = std::numeric_limits<double>::infinity();
  double squares = 0.0;
  for (int c = 0; c < sums_per_member; ++c) {
    const double apart =
        hipnn_ts::deviation(sums_.data() + c, n_members_, sums_per_member) / out.n_atoms;
    out.max_virial = std::max(out.max_virial, apart);
    out.min_virial = std::min(out.min_virial, apart);
    squares += (c < 3 ? 1 : 2) * apart * apart;
  }
  out.mean_virial = std::sqrt(squares / 9);
  return out;
}

} // namespace hipnn_ts_lammps
