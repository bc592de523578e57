// SPDX-License-Identifier: BSD-3-Clause
//
// Geometry of pairs for training, with first and second derivatives.
#include <ATen/Parallel.h>

#include "core/training_kernels.hpp"
#include "torch/cuda/training.hpp"
#include "torch/training_operator.hpp"

namespace hipnn_ts {
namespace {

using at::Tensor;

/// distances (P,), inverse_distances (P,), envelopes (P,), components (P, C).
using Factors = std::tuple<Tensor, Tensor, Tensor, Tensor>;

void check_vectors(const Tensor& vectors) {
  check_real(vectors.scalar_type());
  check(vectors, "vectors", vectors.scalar_type(), {vectors.size(0), 3});
}

template <class T> GeometryProblem<T> problem(const Tensor& vectors, double cutoff) {
  return {
      vectors.size(0), static_cast<T>(cutoff), vectors.const_data_ptr<T>(), at::get_num_threads()};
}

/// Calls body(zero of the type, problem, kernels).
template <class Body>
void run(const Tensor& vectors, double cutoff, int64_t n_components, const Body& body) {
  const auto n = static_cast<int>(n_components);
  if (vectors.scalar_type() == at::kDouble) {
    body(double(), problem<double>(vectors, cutoff), training_kernels<double>(n));
  } else {
    body(float(), problem<float>(vectors, cutoff), training_kernels<float>(n));
  }
}

template <class T> GeometryFactors<T> pointers(const Factors& f) {
  return {
      std::get<0>(f).data_ptr<T>(), std::get<1>(f).data_ptr<T>(), std::get<2>(f).data_ptr<T>(),
      std::get<3>(f).data_ptr<T>()};
}

template <class T> GeometryFactors<const T> read_only(const Factors& f) {
  const auto [d, i, e, y] = pointers<T>(f);
  return {d, i, e, y};
}

/// Gradients in the layout of the kernels.
Factors checked(const Factors& gradients, const Tensor& vectors) {
  const auto& [d, i, e, y] = gradients;
  const auto type = vectors.scalar_type();
  const int64_t n = vectors.size(0);
  check(d, "gradient of distances", type, {n});
  check(i, "gradient of inverse distances", type, {n});
  check(e, "gradient of envelopes", type, {n});
  check(y, "gradient of components", type, {n, y.size(1)});
  check_components(y.size(1));
  return {d.contiguous(), i.contiguous(), e.contiguous(), y.contiguous()};
}

Factors factors_of(const variable_list& tensors) {
  return {tensors[0], tensors[1], tensors[2], tensors[3]};
}

struct Geometry {
  static constexpr const char *name = "pair_geometry",
                              *schema = "(Tensor vectors, int n_components, float cutoff) -> "
                                        "(Tensor, Tensor, Tensor, Tensor)",
                              *backward_schema =
                                  "(Tensor distances, Tensor inverse_distances, Tensor envelopes, "
                                  "Tensor components, Tensor vectors, float cutoff) -> Tensor";
  static constexpr size_t n_values = 4, may_be_empty = 1;

  static Factors value(const Tensor& vectors, int64_t n_components, double cutoff) {
    check_vectors(vectors);
    check_components(n_components);
    const Tensor given = vectors.contiguous();
    Factors out = shapes(vectors, n_components, cutoff);
    run(given, cutoff, n_components, [&](auto zero, const auto& x, const auto& table) {
      table.geometry(x, pointers<decltype(zero)>(out));
    });
    return out;
  }

  static Tensor backward(
      const Tensor& d, const Tensor& i, const Tensor& e, const Tensor& y, const Tensor& vectors,
      double cutoff) {
    check_vectors(vectors);
    const Factors gradients = checked({d, i, e, y}, vectors);
    const Tensor given = vectors.contiguous();
    Tensor out = at::empty_like(given);
    run(given, cutoff, y.size(1), [&](auto zero, const auto& x, const auto& table) {
      using T = decltype(zero);
      table.geometry_backward(x, read_only<T>(gradients), out.data_ptr<T>());
    });
    return out;
  }

  static variable_list double_backward(
      const variable_list& given, const variable_list& directions, double cutoff, bool wanted) {
    if (given[4].is_cuda()) {
      return cuda::on_gpu(given[4], [&](cuda::Device& device) {
        const auto [out, change] = cuda::geometry_double_backward_on(
            device, factors_of(given), given[4], directions[0], cutoff, wanted);
        return joined(listed(out), {change});
      });
    }
    const Tensor vectors = given[4].contiguous(), k = directions[0].contiguous();
    const Factors gradients = checked(factors_of(given), vectors);
    const int64_t n_components = given[3].size(1);
    const Factors out = shapes(vectors, n_components, cutoff);
    Tensor change;
    run(vectors, cutoff, n_components, [&](auto zero, const auto& x, const auto& table) {
      using T = decltype(zero);
      table.geometry_change(x, k.const_data_ptr<T>(), pointers<T>(out));
      if (wanted) {
        change = at::empty_like(vectors);
        table.geometry_double_backward(
            x, read_only<T>(gradients), k.const_data_ptr<T>(), change.data_ptr<T>());
      }
    });
    return joined(listed(out), {change});
  }

  static Factors shapes(const Tensor& vectors, int64_t n_components, double) {
    const int64_t n = vectors.size(0);
    const auto options = vectors.options();
    return {
        at::empty({n}, options), at::empty({n}, options), at::empty({n}, options),
        at::empty({n, n_components}, options)};
  }

  static constexpr auto value_on = cuda::geometry_on;
  static Tensor backward_on(
      cuda::Device& device, const Tensor& d, const Tensor& i, const Tensor& e, const Tensor& y,
      const Tensor& vectors, double cutoff) {
    return cuda::geometry_backward_on(device, {d, i, e, y}, vectors, cutoff);
  }
};

} // namespace

TORCH_LIBRARY_FRAGMENT(hipnn_ts, m) {
  TrainingOperator<Geometry>::define(m);
}

} // namespace hipnn_ts
