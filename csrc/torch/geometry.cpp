// SPDX-License-Identifier: BSD-3-Clause
//
// Geometry of pairs for training, with first and second derivatives. Third derivatives
// do not exist.
#include <ATen/Parallel.h>
#include <torch/library.h>
#include <torch/torch.h>

#include "core/kernels.hpp"
#include "torch/checks.hpp"
#include "torch/cuda/guard.hpp"
#include "torch/cuda/training.hpp"

namespace hipnn_ts {
namespace {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

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
    body(double(), problem<double>(vectors, cutoff), kernels<double>(n));
  } else {
    body(float(), problem<float>(vectors, cutoff), kernels<float>(n));
  }
}

Factors empty_factors(const Tensor& vectors, int64_t n_components) {
  const int64_t n = vectors.size(0);
  const auto options = vectors.options();
  return {
      at::empty({n}, options), at::empty({n}, options), at::empty({n}, options),
      at::empty({n, n_components}, options)};
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

/// Gradients as kernels read them.
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

Factors value_operator(const Tensor& vectors, int64_t n_components, double cutoff) {
  check_vectors(vectors);
  check_components(n_components);
  const Tensor given = vectors.contiguous();
  Factors out = empty_factors(vectors, n_components);
  run(given, cutoff, n_components, [&](auto zero, const auto& x, const auto& table) {
    table.geometry(x, pointers<decltype(zero)>(out));
  });
  return out;
}

Tensor backward_operator(
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

/// How the gradient's product with k changes with the gradients and, if wanted, the vectors.
std::tuple<Factors, Tensor> double_backward(
    const Factors& given, const Tensor& given_vectors, const Tensor& given_k, double cutoff,
    bool vectors_wanted) {
  if (given_vectors.is_cuda()) {
    return cuda::on_gpu(given_vectors, [&](cuda::Device& device) {
      return cuda::geometry_double_backward_on(
          device, given, given_vectors, given_k, cutoff, vectors_wanted);
    });
  }
  const Tensor vectors = given_vectors.contiguous(), k = given_k.contiguous();
  const Factors gradients = checked(given, vectors);
  const int64_t n_components = std::get<3>(given).size(1);
  const Factors out = empty_factors(vectors, n_components);
  Tensor change;
  run(vectors, cutoff, n_components, [&](auto zero, const auto& x, const auto& table) {
    using T = decltype(zero);
    table.geometry_change(x, k.const_data_ptr<T>(), pointers<T>(out));
    if (vectors_wanted) {
      change = at::empty_like(vectors);
      table.geometry_double_backward(
          x, read_only<T>(gradients), k.const_data_ptr<T>(), change.data_ptr<T>());
    }
  });
  return {out, change};
}

Tensor call_backward(const Factors& gradients, const Tensor& vectors, double cutoff) {
  static const auto op =
      find_operator<decltype(backward_operator)>("hipnn_ts::pair_geometry_backward");
  const auto& [d, i, e, y] = gradients;
  return op.call(d, i, e, y, vectors, cutoff);
}

Factors factors_of(const variable_list& tensors) {
  return {tensors[0], tensors[1], tensors[2], tensors[3]};
}

struct Value : torch::autograd::Function<Value> {
  static variable_list
  forward(AutogradContext* ctx, const Tensor& vectors, int64_t n_components, double cutoff) {
    ctx->save_for_backward({vectors});
    ctx->saved_data["cutoff"] = cutoff;
    at::AutoDispatchBelowADInplaceOrView guard;
    static const auto op = find_operator<decltype(value_operator)>("hipnn_ts::pair_geometry");
    const auto [d, i, e, y] = op.call(vectors, n_components, cutoff);
    return {d, i, e, y};
  }

  static variable_list backward(AutogradContext* ctx, variable_list gradients) {
    const Tensor vectors = ctx->get_saved_variables()[0];
    const double cutoff = ctx->saved_data["cutoff"].toDouble();
    return {call_backward(factors_of(gradients), vectors, cutoff), Tensor(), Tensor()};
  }
};

struct Backward : torch::autograd::Function<Backward> {
  static Tensor forward(
      AutogradContext* ctx, const Tensor& d, const Tensor& i, const Tensor& e, const Tensor& y,
      const Tensor& vectors, double cutoff) {
    ctx->save_for_backward({d, i, e, y, vectors});
    ctx->saved_data["cutoff"] = cutoff;
    at::AutoDispatchBelowADInplaceOrView guard;
    return call_backward({d, i, e, y}, vectors, cutoff);
  }

  static variable_list backward(AutogradContext* ctx, variable_list directions) {
    TORCH_CHECK_NOT_IMPLEMENTED(
        !at::GradMode::is_enabled(),
        "hipnn_ts::pair_geometry: third derivatives are not implemented; a potential with "
        "fused=False has them");
    const auto saved = ctx->get_saved_variables();
    const auto [out, change] = double_backward(
        factors_of(saved), saved[4], directions[0], ctx->saved_data["cutoff"].toDouble(),
        ctx->needs_input_grad(4));
    const auto& [d, i, e, y] = out;
    return {d, i, e, y, change, Tensor()};
  }
};

Factors value_autograd(const Tensor& vectors, int64_t n_components, double cutoff) {
  return factors_of(Value::apply(vectors, n_components, cutoff));
}

Tensor backward_autograd(
    const Tensor& d, const Tensor& i, const Tensor& e, const Tensor& y, const Tensor& vectors,
    double cutoff) {
  return Backward::apply(d, i, e, y, vectors, cutoff);
}

Factors value_meta(const Tensor& vectors, int64_t n_components, double) {
  return empty_factors(vectors, n_components);
}

Tensor backward_meta(
    const Tensor&, const Tensor&, const Tensor&, const Tensor&, const Tensor& vectors, double) {
  return at::empty_like(vectors, at::MemoryFormat::Contiguous);
}

} // namespace

TORCH_LIBRARY_FRAGMENT(hipnn_ts, m) {
  m.def(
      "pair_geometry(Tensor vectors, int n_components, float cutoff) -> "
      "(Tensor, Tensor, Tensor, Tensor)");
  m.def(
      "pair_geometry_backward(Tensor distances, Tensor inverse_distances, Tensor envelopes, "
      "Tensor components, Tensor vectors, float cutoff) -> Tensor");
}

TORCH_LIBRARY_IMPL(hipnn_ts, CPU, m) {
  m.impl("pair_geometry", &value_operator);
  m.impl("pair_geometry_backward", &backward_operator);
}

TORCH_LIBRARY_IMPL(hipnn_ts, Meta, m) {
  m.impl("pair_geometry", &value_meta);
  m.impl("pair_geometry_backward", &backward_meta);
}

TORCH_LIBRARY_IMPL(hipnn_ts, Autograd, m) {
  m.impl("pair_geometry", &value_autograd);
  m.impl("pair_geometry_backward", &backward_autograd);
}

} // namespace hipnn_ts
