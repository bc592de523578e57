// SPDX-License-Identifier: BSD-3-Clause
#include "torch/cuda/energy_and_forces.hpp"

#include "core/cuda/grids.hpp"
#include "torch/cuda/inference.hpp"
#include "torch/neighbours.hpp"

namespace hipnn_ts {
namespace cuda {

using at::Tensor;

OnDevice::OnDevice(
    Device& device, at::Device where, const std::vector<Tensor>& tensors,
    const std::vector<int64_t>& sizes, const std::vector<double>& scalars)
    : device_(&device), weights_(tensors.begin() + 4, tensors.end()),
      sizes_(sizes.begin() + 2, sizes.end()), scalars_(scalars.begin() + 2, scalars.end()),
      n_particles_(sizes[0]), length_(scalars[0]), energy_(scalars[1]),
      species_(tensors[1].to(at::kInt).to(where)),
      self_energy_((tensors[2].index_select(0, tensors[1]).sum() * energy_).to(where)),
      neighbours_(device, scalars[2], skin) {
  if (!tensors[0].equal(at::arange(n_particles_))) {
    particles_ = tensors[0].to(where);
  }
}

std::tuple<Tensor, Tensor> OnDevice::evaluate(const Tensor& positions, const Box& box) {
  const std::lock_guard<std::mutex> lock(mutex_);
  return weights_[0].scalar_type() == at::kDouble ? run<double>(positions, box)
                                                  : run<float>(positions, box);
}

template <class T>
std::tuple<Tensor, Tensor> OnDevice::run(const Tensor& positions, const Box& box) {
  const auto weights = device_weights<T>(*device_, weights_, sizes_, scalars_);
  Module& module = device_->module(weights->blocks.front().wide.constants);
  const int64_t n = species_.numel();
  Tensor own = positions.detach().to(at::kDouble);
  own = (particles_.defined() ? own.index_select(0, particles_) : own).mul(length_).contiguous();
  neighbours_.update(module, own.const_data_ptr<double>(), n, box);
  const int64_t n_values = 3 * neighbours_.n_pairs();
  const Array<T> vectors(*device_, n_values);
  Array<T> gradients;
  const Tensor energies = at::zeros({n}, own.options());
  const Tensor forces = at::empty({n, 3}, own.options());
  Network<T> network(*device_, *weights);
  run_step<T>(
      *device_, network,
      neighbours_.pairs(
          module, own.const_data_ptr<double>(), species_.const_data_ptr<int>(), vectors.data()),
      energies.data_ptr<double>(), [&] {
        gradients = Array<T>(*device_, n_values);
        device_->zero(gradients.data(), bytes_of<T>(n_values));
        return gradients.data();
      });
  network.forces(gradients.data(), energy_ * length_, forces.data_ptr<double>());
  const Tensor energy = at::add(self_energy_, energies.sum(), energy_);
  if (!particles_.defined()) {
    return {energy, forces};
  }
  return {energy, at::zeros({n_particles_, 3}, own.options()).index_copy_(0, particles_, forces)};
}

} // namespace cuda
} // namespace hipnn_ts
