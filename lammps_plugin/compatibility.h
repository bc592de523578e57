// SPDX-License-Identifier: GPL-2.0-or-later
//
// Whether the LAMMPS that loads this plugin is the one that it was built for. An unnoticed mismatch
// would end in wrong numbers or a crash far from its cause.
#pragma once

#include "lmptype.h"
#include "utils.h"

#include <cstdint>
#include <dlfcn.h>
#include <mpi.h>
#include <string>
#if __has_include(<version>)
#include <version>
#endif

extern "C" {
// LAMMPS's C interface, the same in all versions.
int lammps_version(void* lmp);
int lammps_extract_setting(void* lmp, const char* keyword);
int lammps_config_has_mpi_support();
}

namespace hipnn_ts_lammps {

/// The binary interface of the MPI whose headers were used; others follow one of these.
constexpr const char* built_mpi =
#if defined(MPI_STUBS)
    "no MPI";
#elif defined(OPEN_MPI)
    "Open MPI";
#else
    "MPICH";
#endif

/// That of the MPI in this process, or the one that the plugin was built for if it cannot be
/// determined.
inline std::string found_mpi() {
  if (!lammps_config_has_mpi_support()) {
    return "no MPI";
  }
  using Describe = int (*)(char*, int*);
  const auto describe = reinterpret_cast<Describe>(dlsym(RTLD_DEFAULT, "MPI_Get_library_version"));
  if (!describe) {
    return built_mpi;
  }
  char text[8192] = ""; // the longest MPI_MAX_LIBRARY_VERSION_STRING
  int length = 0;
  describe(text, &length);
  return std::string(text).rfind("Open MPI", 0) == 0 ? "Open MPI" : "MPICH";
}

/// Which of GCC's two layouts of std::string was used.
constexpr const char* built_strings = _GLIBCXX_USE_CXX11_ABI ? "C++11" : "pre-C++11";

/// That of the LAMMPS in this process, from the name of a function that takes one.
inline std::string found_strings() {
  return dlsym(RTLD_DEFAULT, "_ZN9LAMMPS_NS5utils4trimERKSs") ? "pre-C++11" : "C++11";
}

/// A LAMMPS of 2026 or later, compiled as C++20, formats messages with std::format; its functions
/// that take a message then have other names.
#ifdef __cpp_lib_format
constexpr const char* built_format = "std::format (C++20)";
constexpr const char* other_format = "its own fmt library (C++17)";
#else
constexpr const char* built_format = "its own fmt library (C++17)";
constexpr const char* other_format = "std::format (C++20)";
#endif

inline const char* found_format() {
  // Volatile, because compilers assume that no function is missing.
  const volatile auto address =
      reinterpret_cast<std::uintptr_t>(&LAMMPS_NS::utils::fmtargs_logmesg);
  return address != 0 ? built_format : other_format;
}

inline std::string sizes(int bigint, int tagint, int imageint) {
  const auto bits = [](int bytes) { return std::to_string(8 * bytes); };
  return bits(bigint) + "-bit counts, " + bits(tagint) + "-bit atom ids and " + bits(imageint) +
         "-bit image flags";
}

/// One sentence that names both sides, or nothing if they fit.
inline std::string mismatch(void* lmp) {
  using namespace LAMMPS_NS;
  const auto size = [lmp](const char* name) { return lammps_extract_setting(lmp, name); };
  const std::string sides[][2] = {
      {std::to_string(LAMMPS_VERSION_NUMBER), std::to_string(lammps_version(lmp))},
      {"with " + sizes(sizeof(bigint), sizeof(tagint), sizeof(imageint)),
       "with " + sizes(size("bigint"), size("tagint"), size("imageint"))},
      {std::string("with ") + built_mpi, "with " + found_mpi()},
      {std::string("with ") + built_strings + " strings", "with " + found_strings() + " strings"},
      {std::string("with ") + built_format, std::string("with ") + found_format()}};
  for (const auto& [built, found] : sides) {
    if (built != found) {
      return "built for LAMMPS " + built + ", found LAMMPS " + found +
             "; install that version or build hipnn-ts against this one";
    }
  }
  return "";
}

} // namespace hipnn_ts_lammps
