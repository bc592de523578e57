// SPDX-License-Identifier: BSD-3-Clause
//
// The kernels of a rank's step besides the network: pairs from positions, messages to other ranks,
// sums of the results. They depend only on the precision.
#include "border.cuh"
#include "images.cuh"
#include "results.cuh"
