// SPDX-License-Identifier: BSD-3-Clause
#include "torch/cuda/arguments.hpp"
#include "torch/cuda/training.hpp"
#include "torch/cuda/training_kernels.hpp"

namespace hipnn_ts {
namespace cuda {
namespace {

using at::Tensor;
using Factors = GeometryTensors;

/// The checked vectors, and the kernels for them.
struct Problem {
  Tensor vectors;
  int64_t n_components;
  double cutoff;
  Module& module;

  Problem(Device& device, const Tensor& given, int64_t components, double radius)
      : vectors(given.contiguous()), n_components(components), cutoff(radius),
        module(training_module(device, given.scalar_type(), components)) {
    check(vectors, "vectors", vectors.scalar_type(), {vectors.size(0), 3}, vectors.device());
  }

  int64_t n() const { return vectors.size(0); }

  Factors empty() const {
    const auto options = vectors.options();
    return {
        at::empty({n()}, options), at::empty({n()}, options), at::empty({n()}, options),
        at::empty({n(), n_components}, options)};
  }

  Factors checked(const Factors& f) const {
    const auto take = [&](const Tensor& t, const char* name, at::IntArrayRef shape) {
      check(t, name, vectors.scalar_type(), shape, vectors.device());
      return t.contiguous();
    };
    return {
        take(std::get<0>(f), "gradient of distances", {n()}),
        take(std::get<1>(f), "gradient of inverse distances", {n()}),
        take(std::get<2>(f), "gradient of envelopes", {n()}),
        take(std::get<3>(f), "gradient of components", {n(), n_components})};
  }

  template <class T> GeometryArguments<T> arguments() const {
    GeometryArguments<T> x{};
    x.n_pairs = n();
    x.cutoff = static_cast<T>(cutoff);
    x.vectors = vectors.const_data_ptr<T>();
    return x;
  }
};

template <class Value, class T = std::remove_const_t<Value>>
GeometryFactorArguments<Value> pointers(const Factors& f) {
  const auto& [d, i, e, y] = f;
  return {d.data_ptr<T>(), i.data_ptr<T>(), e.data_ptr<T>(), y.data_ptr<T>()};
}

} // namespace

Factors geometry_on(Device& device, const Tensor& vectors, int64_t n_components, double cutoff) {
  const Problem problem(device, vectors, n_components, cutoff);
  const Factors out = problem.empty();
  with_type(vectors, [&](auto zero) {
    using T = decltype(zero);
    auto x = problem.arguments<T>();
    x.out = pointers<T>(out);
    problem.module.launch("geometry", over(x.n_pairs), x);
  });
  return out;
}

Tensor geometry_backward_on(
    Device& device, const Factors& gradients, const Tensor& vectors, double cutoff) {
  const Problem problem(device, vectors, std::get<3>(gradients).size(1), cutoff);
  const Factors g = problem.checked(gradients);
  Tensor out = at::empty_like(problem.vectors);
  with_type(vectors, [&](auto zero) {
    using T = decltype(zero);
    auto x = problem.arguments<T>();
    x.gradients = pointers<const T>(g);
    x.vector_gradients = out.data_ptr<T>();
    problem.module.launch("geometry_backward", over(x.n_pairs), x);
  });
  return out;
}

std::tuple<Factors, Tensor> geometry_double_backward_on(
    Device& device, const Factors& gradients, const Tensor& vectors, const Tensor& directions,
    double cutoff, bool vectors_wanted) {
  const Problem problem(device, vectors, std::get<3>(gradients).size(1), cutoff);
  const Factors g = problem.checked(gradients), out = problem.empty();
  check(directions, "directions", vectors.scalar_type(), vectors.sizes(), vectors.device());
  const Tensor k = directions.contiguous();
  const Tensor change = vectors_wanted ? at::empty_like(problem.vectors) : Tensor();
  with_type(vectors, [&](auto zero) {
    using T = decltype(zero);
    auto x = problem.arguments<T>();
    x.gradients = pointers<const T>(g);
    x.directions = k.const_data_ptr<T>();
    x.out = pointers<T>(out);
    x.vector_gradients = vectors_wanted ? change.data_ptr<T>() : nullptr;
    problem.module.launch("geometry_double_backward", over(x.n_pairs), x);
  });
  return {out, change};
}

} // namespace cuda
} // namespace hipnn_ts
