// SPDX-License-Identifier: BSD-3-Clause
#pragma once

/// What other libraries of this package (the LAMMPS plugin) use from libhipnn_ts_torch.so.
#define HIPNN_TS_API __attribute__((visibility("default")))
