// SPDX-License-Identifier: BSD-3-Clause
//
// The instruction sets for which this build has kernels. csrc/core/CMakeLists.txt compiles them.
#pragma once

#include <vector>

/// Calls use(name) for each, the best last.
#if defined(__x86_64__)
#define HIPNN_TS_FOR_EACH_ISA(use) use(plain) use(avx2) use(avx512)
#elif defined(__aarch64__)
#define HIPNN_TS_FOR_EACH_ISA(use) use(neon)
#else
#define HIPNN_TS_FOR_EACH_ISA(use) use(plain)
#endif

namespace hipnn_ts {

/// Index of the one in use: the best one that this processor supports, or the one that the
/// environment variable HIPNN_TS_ISA names. Throws std::runtime_error if that is unknown or
/// unsupported.
int chosen_instruction_set();

/// Its name. Throws likewise.
const char* instruction_set();

/// Names of those that this processor supports.
std::vector<const char*> instruction_sets();

} // namespace hipnn_ts
