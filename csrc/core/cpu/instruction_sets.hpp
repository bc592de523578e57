// SPDX-License-Identifier: BSD-3-Clause
//
// The instruction sets that this build has kernels for. csrc/core/CMakeLists.txt compiles them.
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

/// Place in that list of the one in use: the best one that this processor has, or the one that the
/// environment variable HIPNN_TS_ISA names. Throws std::runtime_error where that is not known or
/// not supported.
int chosen_instruction_set();

/// Its name. Throws likewise.
const char* instruction_set();

/// Names of those that this processor has.
std::vector<const char*> instruction_sets();

} // namespace hipnn_ts
