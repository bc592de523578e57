// SPDX-License-Identifier: GPL-2.0-or-later
//
// pair_style hipnn/ts/kk: the same potential in a LAMMPS that keeps its atoms in Kokkos's memory.
// With a GPU, positions and forces stay there; without one, they alone move between the memories.
#include "kokkos_atoms.h"

#include "../create_pair.h"
#include "../pair_hipnn_ts.h"

#include "core/cuda/driver.hpp"

#include "error.h"

namespace hipnn_ts_lammps {

namespace {

template <class Space> class PairHipnnTsKokkos final : public PairHipnnTs {
public:
  explicit PairHipnnTsKokkos(LAMMPS_NS::LAMMPS* instance)
      : PairHipnnTs(instance),
        own_(std::make_unique<KokkosAtoms<Space>>(*static_cast<LAMMPS_NS::AtomKokkos*>(atom))) {
    kokkosable = 1;
    atomKK = static_cast<LAMMPS_NS::AtomKokkos*>(atom);
    datamask_read = X_MASK | F_MASK;
    datamask_modify = F_MASK | ENERGY_MASK | VIRIAL_MASK;
  }

  void init_style() override {
    PairHipnnTs::init_style();
    execution_space = gpu() == no_gpu ? LAMMPS_NS::Host : memory_of_atoms;
  }

  void compute(int eflag, int vflag) override {
    const auto space = execution_space;
    resident_ = in_memory_of_gpu() && !deviations_wanted();
    atomKK->sync(resident_ ? space : LAMMPS_NS::Host, X_MASK | F_MASK);
    atomKK->sync(LAMMPS_NS::Host, TAG_MASK | TYPE_MASK | MASK_MASK);
    execution_space = LAMMPS_NS::Host; // that of the features that ranks exchange
    PairHipnnTs::compute(eflag, vflag);
    execution_space = space;
    atomKK->modified(resident_ ? space : LAMMPS_NS::Host, F_MASK);
    atomKK->sync(space, F_MASK);
  }

private:
  static constexpr auto memory_of_atoms = ExecutionSpaceFromDevice<Space>::space;

  bool in_memory_of_gpu() const {
    if (gpu() == no_gpu) {
      return false;
    }
    const int found = hipnn_ts::cuda::Driver::get().device_of(own_->address());
    if (found >= 0 && found != gpu()) {
      error->one(
          FLERR,
          "pair_style hipnn/ts/kk: expected Kokkos and the potential on the same GPU of a rank, "
          "found Kokkos on GPU {} and the potential on GPU {}; start every rank with one GPU",
          found, gpu());
    }
    return found >= 0;
  }

  AtomsOnDevice* atoms_on_device() const override { return resident_ ? own_.get() : nullptr; }
  void bring_positions_to_host() override { atomKK->sync(LAMMPS_NS::Host, X_MASK); }

  std::unique_ptr<KokkosAtoms<Space>> own_;
  bool resident_ = false; ///< in this step positions and forces stay on the GPU
};

} // namespace

LAMMPS_NS::Pair* create_kokkos_pair(LAMMPS_NS::LAMMPS* lmp) {
  return new PairHipnnTsKokkos<LMPDeviceType>(lmp);
}

LAMMPS_NS::Pair* create_kokkos_host_pair(LAMMPS_NS::LAMMPS* lmp) {
  return new PairHipnnTsKokkos<LMPHostType>(lmp);
}

} // namespace hipnn_ts_lammps
