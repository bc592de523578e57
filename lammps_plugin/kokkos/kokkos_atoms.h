// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "../evaluator.h"

#include "atom_kokkos.h"
#include "atom_masks.h"

namespace hipnn_ts_lammps {

/// Positions and forces in the memory of a Kokkos execution space.
template <class Space> class KokkosAtoms final : public AtomsOnDevice {
public:
  explicit KokkosAtoms(LAMMPS_NS::AtomKokkos& atoms) : atoms_(atoms) {}

  /// The address of the positions, by which a driver tells whose memory it is.
  const void* address() const { return atoms_.k_x.template view<Space>().data(); }

  void read_positions(int64_t n, const int* atoms, double* positions) override {
    const auto x = atoms_.k_x.template view<Space>();
    int64_t n_wrong = 0;
    Kokkos::parallel_reduce(
        "hipnn/ts: positions", Range(0, n),
        KOKKOS_LAMBDA(int64_t k, int64_t& wrong) {
          for (int c = 0; c < 3; ++c) {
            const double value = x(atoms[k], c);
            positions[3 * k + c] = value;
            wrong += !Kokkos::isfinite(value);
          }
        },
        n_wrong);
    if (n_wrong > 0) {
      atoms_.sync(LAMMPS_NS::Host, X_MASK);
    }
  }

  void add_forces(int64_t n, const int* atoms, double factor, const double* forces) override {
    const auto f = atoms_.k_f.template view<Space>();
    Kokkos::parallel_for(
        "hipnn/ts: forces", Range(0, n), KOKKOS_LAMBDA(int64_t k) {
          for (int c = 0; c < 3; ++c) {
            f(atoms[k], c) += factor * forces[3 * k + c];
          }
        });
    Kokkos::fence("hipnn/ts: forces");
  }

private:
  using Range = Kokkos::RangePolicy<Space, Kokkos::IndexType<int64_t>>;

  LAMMPS_NS::AtomKokkos& atoms_;
};

} // namespace hipnn_ts_lammps
