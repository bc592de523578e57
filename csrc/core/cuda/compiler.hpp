// SPDX-License-Identifier: BSD-3-Clause
//
// Kernels for one GPU architecture and one set of constants, compiled by NVRTC when they are first
// needed and kept on disk. This needs no GPU.
#pragma once

#include <string>
#include <vector>

#include "core/cuda/device.hpp"
#include "core/cuda/library.hpp"

namespace hipnn_ts {
namespace cuda {

/// Machine code, or PTX if NVRTC is older than the GPU: the driver loads both.
using Binary = std::string;

/// Folders that may contain libnvrtc, beside those where the system looks: those of pip's packages,
/// given the folder of torch's libraries.
std::vector<std::string> nvrtc_folders(const std::string& torch_libraries);

/// Kernels of the constants' program for compute capability `architecture` (90 for 9.0).
///
/// From the cache on disk if it has them; a cache that cannot be read or written is ignored. Throws
/// std::runtime_error if NVRTC, of a CUDA no newer than `newest`, is not found, or if the kernels
/// do not compile.
Binary compile(
    int architecture, const Constants& constants, const std::vector<std::string>& nvrtc_folders,
    int newest = newest_cuda);

/// Throws like `compile` if NVRTC is not found.
void require_compiler(const std::vector<std::string>& nvrtc_folders, int newest = newest_cuda);

/// The folder of compiled kernels: $XDG_CACHE_HOME or ~/.cache, then hipnn-ts. Empty if there is
/// none.
std::string cache_folder();

} // namespace cuda
} // namespace hipnn_ts
