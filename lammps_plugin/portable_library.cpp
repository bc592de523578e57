// SPDX-License-Identifier: GPL-2.0-or-later
#include "portable_model.h"

#include "input_error.h"

#include <dlfcn.h>
#include <fstream>
#include <link.h>
#include <sstream>

namespace hipnn_ts_lammps {

namespace {

#ifdef __SANITIZE_ADDRESS__
constexpr int own_symbols_first = 0; // AddressSanitizer's must be; LAMMPS's BLAS is then used
#else
// LAMMPS exports a reference BLAS under the standard names, which would replace that of torch.
constexpr int own_symbols_first = RTLD_DEEPBIND;
#endif

/// The folder of this plugin and of the library that it may open.
std::string own_folder() {
  Dl_info self;
  dladdr(reinterpret_cast<void*>(&own_folder), &self);
  const std::string path = self.dli_fname;
  return path.substr(0, path.rfind('/') + 1);
}

std::string content(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

/// Folder of the torch in this process, or of the one beside this package.
std::string torch_folder() {
  link_map* map = nullptr;
  void* const loaded = dlopen("libtorch_cpu.so", RTLD_LAZY | RTLD_NOLOAD);
  if (loaded && dlinfo(loaded, RTLD_DI_LINKMAP, &map) == 0) {
    const std::string path = map->l_name;
    return path.substr(0, path.rfind('/') + 1) + "../";
  }
  return own_folder() + "../../torch/";
}

/// Version of that torch; empty if it is unknown.
std::string torch_version() {
  const std::string text = content(torch_folder() + "version.py");
  const std::string before = "__version__ = '";
  const auto begin = text.find(before);
  if (begin == std::string::npos) {
    return "";
  }
  const auto first = begin + before.size();
  return text.substr(first, text.find_first_of("'+", first) - first);
}

[[noreturn]] void refuse(const std::string& sentence) {
  throw InputError("a portable potential needs torch: " + sentence);
}

OpenPortableModel* open_library() {
  const std::string path = own_folder() + portable_library;
  if (!std::ifstream(path)) {
    refuse(
        std::string("expected ") + portable_library +
        " beside the plugin, found none; build hipnn-ts where torch is, or export the potential "
        "without --portable");
  }
  // Beside another torch the library may crash before it could report this itself.
  const std::string built = content(own_folder() + "torch_version"), found = torch_version();
  if (!built.empty() && !found.empty() && built != found) {
    refuse(
        "expected torch " + built + ", found torch " + found + "; install torch==" + built +
        ", or export the potential without --portable");
  }
  // Stays open: torch cannot be unloaded.
  void* const library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | own_symbols_first);
  if (!library) {
    const std::string failure = dlerror();
    if (found.empty() && !built.empty()) {
      refuse(
          "expected torch " + built + ", found none; install torch==" + built +
          ", or export the potential without --portable");
    }
    refuse(failure + "; run 'hipnn-ts doctor'");
  }
  void* const open = dlsym(library, open_portable_model);
  if (!open) {
    refuse(
        std::string("expected the ") + portable_library +
        " of this hipnn-ts, found another's; install hipnn-ts again");
  }
  return reinterpret_cast<OpenPortableModel*>(open);
}

} // namespace

std::shared_ptr<const PortableModel>
load_portable_model(const std::string& bytes, const hipnn_ts::Architecture& network) {
  std::string mistake;
  PortableModel* const model = open_library()(bytes, network, mistake);
  if (!model) {
    throw InputError(mistake);
  }
  return std::shared_ptr<const PortableModel>(model);
}

} // namespace hipnn_ts_lammps
