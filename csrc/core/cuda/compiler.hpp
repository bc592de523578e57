// SPDX-License-Identifier: BSD-3-Clause
//
// Kernels for one GPU architecture and one set of constants, compiled by NVRTC when they are first
// needed and kept on disk. Needs no GPU.
#pragma once

#include <string>
#include <vector>

#include "core/cuda/device.hpp"
#include "core/cuda/library.hpp"

namespace hipnn_ts {
namespace cuda {

/// Machine code, or PTX where NVRTC is older than the GPU: the driver loads both.
using Binary = std::string;

/// Folders that may hold libnvrtc beside those where the system looks: those of pip's packages,
/// given the folder of torch's libraries.
std::vector<std::string> nvrtc_folders(const std::string& torch_libraries);

/// Kernels of the constants' program for compute capability `architecture` (90 for 9.0).
///
/// From the cache on disk where it has them; a cache that cannot be read or written is none. Throws
/// std::runtime_error where NVRTC, of a CUDA no newer than `newest`, is not found, or the kernels
/// do not compile.
Binary compile(
    int architecture, const Constants& constants, const std::vector<std::string>& nvrtc_folders,
    int newest = newest_cuda);

/// Throws as `compile` does where NVRTC is not found.
void require_compiler(const std::vector<std::string>& nvrtc_folders, int newest = newest_cuda);

/// Where compiled kernels are kept: $XDG_CACHE_HOME or ~/.cache, then hipnn-ts. Empty where there
/// is no such place.
std::string cache_folder();

} // namespace cuda
} // namespace hipnn_ts
