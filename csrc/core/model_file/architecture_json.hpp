// SPDX-License-Identifier: BSD-3-Clause
//
// Apart from architecture.hpp: LAMMPS brings a JSON library of the same name, and its headers are
// found first where the plugin is compiled.
#pragma once

#include "core/model_file/architecture.hpp"
#include "core/model_file/json.hpp"

namespace hipnn_ts {

/// Key with the number of members, in metadata and documents of committees alone.
constexpr const char* members_key = "members";

/// Key of what is said of force uncertainty, in metadata, and that there is one, in documents.
constexpr const char* uncertainty_key = "uncertainty";

/// From the key "network" of a file's metadata, or what a document says of itself; the precision,
/// the number of members and the uncertainty are left out. Throws FileError, which calls it `name`,
/// where a value is missing or out of bounds.
Architecture read_architecture(const Json& network, const std::string& name);

/// The number of members that the object called `name` says; 1 where it says nothing. Throws
/// FileError.
int read_members(const Json& object, const std::string& name);

/// Whether the object called `name` says that there is force uncertainty. Throws FileError.
bool read_uncertain(const Json& object, const std::string& name);

Json write_architecture(const Architecture& network);

} // namespace hipnn_ts
