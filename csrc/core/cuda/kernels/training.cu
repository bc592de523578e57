// SPDX-License-Identifier: BSD-3-Clause
//
// The training operators for one precision and one number of components.
#include "geometry.cuh"
#include "moments.cuh"
#include "sensitivities.cuh"
#include "sum_rows.cuh"
#include "training_invariants.cuh"
#include "training_polynomials.cuh"
