// SPDX-License-Identifier: BSD-3-Clause
#include "torch/extrapolation.hpp"

#include <cstdio>
#include <sstream>

#include "torch/checks.hpp"

namespace hipnn_ts {
namespace {

using at::Tensor;

ClosestApproach approach(const Tensor& limits) {
  TORCH_CHECK(limits.dim() == 2, "limits: expected (species, species)");
  check(limits, "limits", at::kDouble, {limits.size(0), limits.size(0)});
  const Tensor dense = limits.contiguous();
  const auto* first = dense.const_data_ptr<double>();
  return {limits.size(0), std::vector<double>(first, first + dense.numel())};
}

} // namespace

ExtrapolationGuard::ExtrapolationGuard(Tensor limits, bool stop)
    : limits_(std::move(limits)), stop_(stop), closest_(approach(limits_)) {}

void ExtrapolationGuard::tell(
    int64_t receiver, int64_t sender, const ClosePair& pair, int64_t evaluation,
    int64_t occasion) const {
  std::ostringstream text;
  text.precision(3);
  text << "hipnn-ts: particles " << receiver << " and " << sender << " are " << pair.distance
       << " Å apart at evaluation " << evaluation << " of this force, closer than in the training "
       << "data (" << pair.limit << " Å)";
  TORCH_CHECK_VALUE(!stop_, text.str());
  text << "; energies and forces are extrapolated (occasion " << occasion << ")";
  std::fprintf(stderr, "WARNING: %s\n", text.str().c_str());
}

} // namespace hipnn_ts

TORCH_LIBRARY_FRAGMENT(hipnn_ts, m) {
  using hipnn_ts::ExtrapolationGuard;
  using Self = c10::intrusive_ptr<ExtrapolationGuard>;
  m.class_<ExtrapolationGuard>("ExtrapolationGuard")
      .def(torch::init<at::Tensor, bool>())
      .def(
          "check",
          [](const Self& self, const at::Tensor& particles, const at::Tensor& species,
             const at::Tensor& receivers, const at::Tensor& senders, const at::Tensor& vectors) {
            using hipnn_ts::check;
            using hipnn_ts::check_index;
            const int64_t n_atoms = particles.numel(), n_pairs = receivers.numel();
            check(particles, "particles", at::kLong, {n_atoms});
            check(vectors, "vectors", at::kDouble, {n_pairs, 3});
            const auto known = std::max<int64_t>(self->limits().size(0), 1);
            if (self->limits().size(0) > 0) {
              check_index<int64_t>(species.contiguous(), "species", n_atoms, known);
            }
            check_index<int64_t>(receivers.contiguous(), "receivers", n_pairs, n_atoms);
            check_index<int64_t>(senders.contiguous(), "senders", n_pairs, n_atoms);
            self->check(
                particles.contiguous().const_data_ptr<int64_t>(),
                species.contiguous().const_data_ptr<int64_t>(),
                receivers.contiguous().const_data_ptr<int64_t>(),
                senders.contiguous().const_data_ptr<int64_t>(),
                vectors.contiguous().const_data_ptr<double>(), n_pairs);
          })
      .def_pickle(
          [](const Self& self) { return self->state(); },
          [](ExtrapolationGuard::State state) {
            return c10::make_intrusive<ExtrapolationGuard>(std::get<0>(state), std::get<1>(state));
          });
}
