// SPDX-License-Identifier: BSD-3-Clause
#include "torch/cuda/energy_and_forces.hpp"

#include "core/cuda/check_arguments.hpp"
#include "core/cuda/fetched_pairs.hpp"
#include "torch/neighbours.hpp"

namespace hipnn_ts {
namespace cuda {

namespace {

using at::Tensor;

enum Flag { close_pairs, not_finite, n_flags }; // flags that the kernels of the checks set

std::vector<double> numbers(const Tensor& t) {
  const Tensor dense = t.contiguous();
  const auto* first = dense.const_data_ptr<double>();
  return {first, first + dense.numel()};
}

} // namespace

OnDevice::OnDevice(Device& device, at::Device where, const ForceParts& parts)
    : device_(&device), model_(loaded_model(parts.document)), n_particles_(parts.n_particles),
      length_(parts.length), energy_(parts.energy), kinds_(parts.species),
      species_(parts.species.to(at::kInt).to(where)),
      self_energy_(
          (model_->self_energies_on(at::kCPU).index_select(0, parts.species).sum() * energy_)
              .to(where)),
      limits_(device, numbers(parts.limits)), n_limits_(static_cast<int>(parts.limits.size(0))),
      cutoff_(model_->architecture().cutoff), neighbours_(device, cutoff_, usual_neighbour_skin) {
  if (!parts.particles.equal(at::arange(n_particles_))) {
    particles_ = parts.particles.to(where);
  }
}

std::tuple<Tensor, Tensor>
OnDevice::evaluate(const Tensor& positions, const Box& box, ForceChecks& checks) {
  const std::lock_guard<std::mutex> lock(mutex_);
  return model_->with_precision(
      [&](auto one) { return run<decltype(one)>(positions, box, checks); });
}

template <class T>
std::tuple<Tensor, Tensor>
OnDevice::run(const Tensor& positions, const Box& box, ForceChecks& checks) {
  const auto weights = model_->on_device<T>(*device_, 0);
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
  const auto step = neighbours_.pairs(
      module, own.const_data_ptr<double>(), species_.const_data_ptr<int>(), vectors.data());
  const Array<int> flags(*device_, n_flags);
  device_->zero(flags.data(), bytes_of<int>(n_flags));
  module.launch(
      "check_pairs", warp_each(n),
      CheckPairsArguments<T>{
          n, step.by_receiver, step.species, step.vectors, limits_.data(), n_limits_,
          flags.data() + close_pairs, flags.data() + not_finite});
  const int n_members = model_->n_members();
  for (int member = 0; member < n_members; ++member) {
    const auto of_member = model_->on_device<T>(*device_, member);
    Network<T> network(*device_, *of_member);
    run_step<T>(*device_, network, step, energies.data_ptr<double>(), [&] {
      if (member == 0) {
        gradients = Array<T>(*device_, n_values);
        device_->zero(gradients.data(), bytes_of<T>(n_values));
      }
      return gradients.data();
    });
    if (member + 1 == n_members) { // sums over all of them
      const double scale = energy_ * length_ / n_members;
      network.forces(gradients.data(), scale, forces.data_ptr<double>());
    }
  }
  module.launch(
      "check_results", over(n),
      CheckResultsArguments{
          n, energies.const_data_ptr<double>(), forces.const_data_ptr<double>(),
          flags.data() + not_finite});
  if (!device_->recording()) {
    check<T>(own.const_data_ptr<double>(), box, step, flags, checks);
  } else {
    const auto poison = [&](Flag flag) {
      for (const Tensor& results : {energies, forces}) {
        const int64_t size = results.numel();
        module.launch(
            "poison", over(size),
            PoisonArguments{size, flags.data() + flag, results.data_ptr<double>()});
      }
    };
    poison(not_finite);
    if (checks.guard().stops()) {
      poison(close_pairs);
    }
  }
  const Tensor energy = at::add(self_energy_, energies.sum(), energy_ / n_members);
  if (!particles_.defined()) {
    return {energy, forces};
  }
  return {energy, at::zeros({n_particles_, 3}, own.options()).index_copy_(0, particles_, forces)};
}

template <class T>
void OnDevice::check(
    const double* positions, const Box& box, const DeviceConfiguration<T>& step,
    const Array<int>& flags, ForceChecks& checks) const {
  const auto found = fetched(*device_, flags.data(), n_flags);
  const auto pairs = [&] { return FetchedPairs<T>(*device_, step, neighbours_.n_pairs()); };
  checks.pairs(found[close_pairs] != 0, [&] {
    return pairs().closer_than(checks.guard().closest(), kinds_.const_data_ptr<int64_t>());
  });
  if (found[not_finite] > 0) {
    // A list that always fits is not searched again, so its positions have not been checked.
    divide(fetched(*device_, positions, 3 * step.n_atoms).data(), step.n_atoms, box, cutoff_);
    checks.refuse(step.n_atoms - found[not_finite], pairs().closest());
  }
}

} // namespace cuda
} // namespace hipnn_ts
