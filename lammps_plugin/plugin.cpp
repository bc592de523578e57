// SPDX-License-Identifier: GPL-2.0-or-later
//
// The entry point of hipnnplugin.so. Every LAMMPS that finds the plugin loads it, so nothing is
// done until an input script requests the style. It links neither LAMMPS nor MPI, whose functions
// are found in the process; weaken.py lets it load even if another LAMMPS lacks some of them, so
// that a sentence can say so.
#include "compatibility.h"
#include "create_pair.h"
#include "exceptions.h"
#include "missing/lammpsplugin.h"

#include <cstdio>
#include <string>

namespace {

using LAMMPS_NS::LAMMPS;
using LAMMPS_NS::Pair;

/// Like error->all, without a symbol that only this version of LAMMPS has.
[[noreturn]] void refuse(LAMMPS* lmp, const std::string& sentence) {
  if (lammps_extract_setting(lmp, "world_rank") == 0) {
    std::fprintf(stdout, "ERROR: %s\n", sentence.c_str());
    std::fflush(stdout);
  }
  throw LAMMPS_NS::LAMMPSException(sentence);
}

template <Pair* (*create)(LAMMPS*)> Pair* create_checked(LAMMPS* lmp) {
  const std::string sentence = hipnn_ts_lammps::mismatch(lmp);
  if (!sentence.empty()) {
    refuse(lmp, "pair_style hipnn/ts: " + sentence);
  }
  return create(lmp);
}

struct Style {
  const char* name;
  Pair* (*create)(LAMMPS*);
};

constexpr Style styles[] = {
    {"hipnn/ts", create_checked<hipnn_ts_lammps::create_pair>},
#ifdef HIPNN_TS_KOKKOS
    {"hipnn/ts/kk", create_checked<hipnn_ts_lammps::create_kokkos_pair>},
    {"hipnn/ts/kk/device", create_checked<hipnn_ts_lammps::create_kokkos_pair>},
    {"hipnn/ts/kk/host", create_checked<hipnn_ts_lammps::create_kokkos_host_pair>},
#endif
};

} // namespace

extern "C" [[gnu::visibility("default")]] void
lammpsplugin_init(void* lmp, void* handle, void* register_function) {
  lammpsplugin_t plugin{};
  plugin.version = LAMMPS_VERSION_NAME;
  plugin.style = "pair";
  plugin.info = "HIP-NN-TS potentials, pair_style hipnn/ts";
  plugin.author = "the hipnn-ts developers";
  plugin.handle = handle;
  for (const Style& style : styles) {
    plugin.name = style.name;
    plugin.creator.v1 = reinterpret_cast<lammpsplugin_factory1*>(style.create);
    reinterpret_cast<lammpsplugin_regfunc>(register_function)(&plugin, lmp);
  }
}
