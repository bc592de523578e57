// SPDX-License-Identifier: BSD-3-Clause
//
// The neighbour search for modules that otherwise are plain torch.
#include "torch/neighbours.hpp"

#include <ATen/Parallel.h>
#include <torch/custom_class.h>

namespace hipnn_ts {

Box box_from(const std::optional<at::Tensor>& box, double scale) {
  if (!box) {
    return {};
  }
  TORCH_CHECK(
      box->sizes() == at::IntArrayRef({3, 3}), "box: expected shape [3, 3], found ", box->sizes());
  const at::Tensor rows = box->to(at::kCPU, at::kDouble).mul(scale).contiguous();
  return {{true, true, true}, rows.const_data_ptr<double>()};
}

namespace {

using at::Tensor;

/// torch.classes.hipnn_ts.Neighbours(cutoff in Å).
struct Neighbours : torch::CustomClassHolder {
  explicit Neighbours(double cutoff) : pool(cutoff, usual_neighbour_skin) {}

  /// receivers (P,), senders (P,), int64, and vectors (P, 3), float64, of the pairs within the
  /// cutoff, sorted by receiver and then sender. positions (n, 3), Å; box (3, 3), rows are the box
  /// vectors, Å, if periodic.
  std::tuple<Tensor, Tensor, Tensor>
  pairs(const Tensor& positions, const std::optional<Tensor>& box) {
    TORCH_CHECK(
        positions.dim() == 2 && positions.size(1) == 3, "positions: expected shape [n, 3], found ",
        positions.sizes());
    const Tensor exact = positions.detach().to(at::kCPU, at::kDouble).contiguous();
    const double* r = exact.const_data_ptr<double>();
    const int n_threads = at::get_num_threads();
    std::unique_ptr<NeighbourList> list;
    try {
      list =
          naming_atoms([&] { return pool.take(r, exact.size(0), box_from(box, 1.0), n_threads); });
    } catch (const std::invalid_argument& error) {
      TORCH_CHECK_VALUE(false, error.what());
    }
    Tensor receivers = at::empty({list->size()}, at::kLong);
    Tensor senders = at::empty_like(receivers);
    Tensor vectors = at::empty({list->size(), 3}, at::kDouble);
    const int64_t n_pairs = list->gather(
        r, n_threads, receivers.data_ptr<int64_t>(), senders.data_ptr<int64_t>(),
        vectors.data_ptr<double>());
    pool.give_back(std::move(list));
    return {
        receivers.narrow(0, 0, n_pairs), senders.narrow(0, 0, n_pairs),
        vectors.narrow(0, 0, n_pairs)};
  }

  NeighbourListPool pool;
};

} // namespace
} // namespace hipnn_ts

TORCH_LIBRARY_FRAGMENT(hipnn_ts, m) {
  using hipnn_ts::Neighbours;
  using Self = c10::intrusive_ptr<Neighbours>;
  m.class_<Neighbours>("Neighbours")
      .def(torch::init<double>())
      .def("pairs", &Neighbours::pairs)
      .def("searches", [](const Self& self) { return self->pool.searches(); })
      // Lists are not copied: a copy builds its own.
      .def_pickle(
          [](const Self& self) { return self->pool.cutoff(); },
          [](double cutoff) { return c10::make_intrusive<Neighbours>(cutoff); });
}
