// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <ATen/ATen.h>

#include <mutex>

#include "core/cuda/neighbours.hpp"
#include "torch/force_checks.hpp"
#include "torch/force_parts.hpp"
#include "torch/loaded_model.hpp"

namespace hipnn_ts {
namespace cuda {

/// torch.classes.hipnn_ts.EnergyAndForces on one device, with its neighbour list.
class HIPNN_TS_API OnDevice {
public:
  /// The parts after the checks of EnergyAndForces; `where` is torch's name of the device's memory.
  OnDevice(Device& device, at::Device where, const ForceParts& parts);

  /// Energy () and forces (n_particles, 3), float64, in the host's units, from positions
  /// (n_particles, 3) in `where`. Throws like Neighbours::update and `checks`.
  ///
  /// Waits for the device at the end, to read the results of the checks. A step that is recorded
  /// for a CUDA graph cannot do so: results that `checks` would refuse become NaN.
  std::tuple<at::Tensor, at::Tensor>
  evaluate(const at::Tensor& positions, const Box& box, ForceChecks& checks);

  int64_t searches() const { return neighbours_.searches(); }

private:
  template <class T>
  std::tuple<at::Tensor, at::Tensor>
  run(const at::Tensor& positions, const Box& box, ForceChecks& checks);
  template <class T>
  void check(
      const double* positions, const Box& box, const DeviceConfiguration<T>& step,
      const Array<int>& flags, ForceChecks& checks) const;

  Device* device_;
  std::shared_ptr<LoadedModel> model_;
  int64_t n_particles_;
  double length_, energy_;
  at::Tensor particles_;   // (n,) int64, on the device; undefined if they are all, in order
  at::Tensor kinds_;       // (n,) int64, species, in the host's memory
  at::Tensor species_;     // (n,) int32, the same on the device
  at::Tensor self_energy_; // () sum over all atoms, in the host's unit, on the device
  Array<double> limits_;   // (S, S) of the ExtrapolationGuard, or none
  int n_limits_;
  double cutoff_;
  Neighbours neighbours_;
  std::mutex mutex_; // hosts may evaluate one force in several threads
};

} // namespace cuda
} // namespace hipnn_ts
