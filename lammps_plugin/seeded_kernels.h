// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "seeded_potential.h"

#include "core/model_file/model.hpp"

#include <memory>

namespace hipnn_ts_lammps {

/// For one member, with this package's kernels, on the CPU.
template <class Real>
std::unique_ptr<SeededPotential<Real>>
create_seeded_kernels(std::shared_ptr<const hipnn_ts::Model> model, int member);

} // namespace hipnn_ts_lammps
