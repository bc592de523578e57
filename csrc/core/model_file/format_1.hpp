// SPDX-License-Identifier: BSD-3-Clause
//
// Fused potentials of format 1: a list of tensors without names, and two lists of numbers.
#pragma once

#include <string>
#include <vector>

#include "core/model_file/architecture.hpp"
#include "core/model_file/safetensors.hpp"
#include "core/model_file/zip_archive.hpp"

namespace hipnn_ts {

struct FormatOne {
  /// In the order of bind_network, without self energies, and with an empty tensor for the scales
  /// of each order up to 2 that the network lacks; names are not used.
  std::vector<NamedTensor> weights;
  /// l_max, n_sensitivities, n_atom_layers, residual, then n_in, n_middle, n_out of each block.
  std::vector<int64_t> sizes;
  /// Cutoff (Å), cusp regularisation; with a repulsion its two radii (Å) and each nuclear charge.
  std::vector<double> scalars;
  /// Symbols; may be empty if nobody needs them.
  std::vector<std::string> elements;
  NamedTensor self_energies;
};

/// The same network as a document of format 2. Throws FileError if the parts do not fit.
HIPNN_TS_API std::string document_of(const FormatOne& parts);

/// The document of an archive of format 1, from which only the pickled lists are read.
std::string document_of_format_1(const ZipArchive& archive);

} // namespace hipnn_ts
