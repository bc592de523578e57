// SPDX-License-Identifier: BSD-3-Clause
//
// All kernels for one interaction width of a network: NVRTC compiles this file with the constants
// of prelude.cuh.
#include "checks.cuh"
#include "first_block.cuh"
#include "forces.cuh"
#include "interaction.cuh"
#include "mixing.cuh"
#include "neighbours.cuh"
#include "onsite.cuh"
#include "repulsion.cuh"
