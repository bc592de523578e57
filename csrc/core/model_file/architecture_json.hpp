// SPDX-License-Identifier: BSD-3-Clause
//
// Separate from architecture.hpp because LAMMPS contains a JSON library of the same name, whose
// headers are found first when the plugin is compiled.
#pragma once

#include "core/model_file/architecture.hpp"
#include "core/model_file/json.hpp"

namespace hipnn_ts {

/// Key with the number of members; only metadata and documents of committees have it.
constexpr const char* members_key = "members";

/// Key of the force uncertainty in metadata, and of a flag for it in documents.
constexpr const char* uncertainty_key = "uncertainty";

/// From the key "network" of a file's metadata, or from a document's description; the precision,
/// the number of members and the uncertainty are left out. Throws FileError, with `name` for the
/// object, if a value is missing or out of bounds.
Architecture read_architecture(const Json& network, const std::string& name);

/// The number of members according to the object called `name`; 1 if it does not say. Throws
/// FileError.
int read_members(const Json& object, const std::string& name);

/// Whether the object called `name` has force uncertainty. Throws FileError.
bool read_uncertain(const Json& object, const std::string& name);

Json write_architecture(const Architecture& network);

} // namespace hipnn_ts
