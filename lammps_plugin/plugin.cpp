// SPDX-License-Identifier: GPL-2.0-or-later
//
// hipnnplugin.so, all that LAMMPS itself loads. It links neither torch nor LAMMPS. The style's own
// library is opened when an input script first asks for it, so that other runs do not pay for
// torch, and with RTLD_DEEPBIND: LAMMPS exports a reference BLAS under the standard names, which
// would take the place of torch's.
#include "compatibility.h"
#include "exceptions.h"

#include <dlfcn.h>
#include <stdexcept>
#include <string>

namespace LAMMPS_NS {
class LAMMPS;
class Pair;
} // namespace LAMMPS_NS

extern "C" {
/// As LAMMPS documents it ("Writing plugins"); its header is not among those installed.
struct lammpsplugin_t {
  const char* version;
  const char* style;
  const char* name;
  const char* info;
  const char* author;
  union {
    void* v1; ///< creator of styles without arguments: pair, bond, ...
    void* v2;
  } creator;
  void* handle;
};
}

namespace {

using LAMMPS_NS::LAMMPS;
using LAMMPS_NS::Pair;
using Creator = Pair* (*)(LAMMPS*);

constexpr const char* style_name = "hipnn/ts";
constexpr const char* library_name = "libhipnn_ts_lammps.so";
#ifdef __SANITIZE_ADDRESS__
constexpr int own_symbols_first = 0; // AddressSanitizer's must be; LAMMPS's BLAS is then used
#else
constexpr int own_symbols_first = RTLD_DEEPBIND;
#endif

/// As error->all does, without a symbol that only this version of LAMMPS has.
[[noreturn]] void refuse(LAMMPS* lmp, const std::string& sentence) {
  if (lammps_extract_setting(lmp, "world_rank") == 0) {
    std::fprintf(stdout, "ERROR: %s\n", sentence.c_str());
    std::fflush(stdout);
  }
  throw LAMMPS_NS::LAMMPSException(sentence);
}

std::string library_path() {
  Dl_info self;
  dladdr(reinterpret_cast<void*>(&library_path), &self);
  const std::string path = self.dli_fname;
  return path.substr(0, path.rfind('/') + 1) + library_name;
}

Pair* create_pair(LAMMPS* lmp) {
  const std::string sentence = hipnn_ts_lammps::mismatch(lmp);
  if (!sentence.empty()) {
    refuse(lmp, "pair_style hipnn/ts: " + sentence);
  }
  // Stays open: torch cannot be unloaded.
  static void* const library =
      dlopen(library_path().c_str(), RTLD_NOW | RTLD_LOCAL | own_symbols_first);
  static const std::string failure = library ? "" : dlerror();
  if (!library) {
    refuse(lmp, "pair_style hipnn/ts: " + failure + "; run 'hipnn-ts doctor'");
  }
  return reinterpret_cast<Creator>(dlsym(library, "hipnn_ts_create_pair"))(lmp);
}

} // namespace

extern "C" [[gnu::visibility("default")]] void
lammpsplugin_init(void* lmp, void* handle, void* register_function) {
  lammpsplugin_t plugin{};
  plugin.version = LAMMPS_VERSION_NAME;
  plugin.style = "pair";
  plugin.name = style_name;
  plugin.info = "HIP-NN-TS potentials, pair_style hipnn/ts";
  plugin.author = "the hipnn-ts developers";
  plugin.creator.v1 = reinterpret_cast<void*>(&create_pair);
  plugin.handle = handle;
  reinterpret_cast<void (*)(lammpsplugin_t*, void*)>(register_function)(&plugin, lmp);
}
