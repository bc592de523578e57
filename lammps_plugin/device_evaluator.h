// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "evaluator.h"

#include "core/cuda/device.hpp"

namespace hipnn_ts_lammps {

/// On a GPU: positions go there and forces return, with messages between ranks in between.
template <class Real>
std::unique_ptr<Evaluator>
create_device_evaluator(const Model& model, const AtomRows& rows, hipnn_ts::cuda::Device& device);

} // namespace hipnn_ts_lammps
