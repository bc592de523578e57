// SPDX-License-Identifier: BSD-3-Clause
//
// What a rank's step does besides the network: pairs out of positions, messages to other ranks,
// sums of the results. Depends on nothing but the precision.
#include "border.cuh"
#include "images.cuh"
#include "results.cuh"
