// SPDX-License-Identifier: BSD-3-Clause
//
// The text of the kernels, embedded in the library by CMake.
#pragma once

namespace hipnn_ts {
namespace cuda {

struct Source {
  const char* name; // as #include names it
  const char* text;
};

/// The last one has no name.
extern const Source sources[];

} // namespace cuda
} // namespace hipnn_ts
