// SPDX-License-Identifier: BSD-3-Clause
//
// The training operators for one precision and one number of components.
#include "moments.cuh"
#include "sensitivities.cuh"
