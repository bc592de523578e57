// SPDX-License-Identifier: BSD-3-Clause
//
// Invariants of the moments for training, with first and second derivatives.
#include <ATen/Parallel.h>

#include "core/training_kernels.hpp"
#include "torch/cuda/training.hpp"
#include "torch/training_operator.hpp"

namespace hipnn_ts {
namespace {

using at::Tensor;

/// moments (n, C, a), scales (l_max, a).
using Factors = std::tuple<Tensor, Tensor>;

/// The factors in the layout of the kernels.
class Problem {
public:
  Problem(const Factors& factors, double cusp) : cusp_(cusp) {
    const auto& [m, t] = factors;
    TORCH_CHECK(m.dim() == 3, "moments: expected 3 dimensions, found shape ", m.sizes());
    check_real(m.scalar_type());
    check_components(m.size(1));
    check(m, "moments", m.scalar_type(), m.sizes());
    check(t, "scales", m.scalar_type(), {order_of(static_cast<int>(m.size(1))), m.size(2)});
    factors_ = {m.contiguous(), t.contiguous()};
  }

  /// A gradient of the invariants.
  Tensor taken(const Tensor& g) const {
    const Tensor& m = std::get<0>(factors_);
    check(g, "gradient", m.scalar_type(), {m.size(0), m.size(2)});
    return g.contiguous();
  }

  Tensor like_invariants() const {
    const Tensor& m = std::get<0>(factors_);
    return at::empty({m.size(0), m.size(2)}, m.options());
  }
  Factors like_factors() const {
    const auto& [m, t] = factors_;
    return {at::empty_like(m), at::empty_like(t)};
  }
  Tensor scratch() const {
    const auto& [m, t] = factors_;
    const int64_t blocks = (m.size(0) + invariants_block - 1) / invariants_block;
    return at::empty({blocks, t.numel()}, m.options());
  }

  /// Calls body(zero of the type, problem, kernels).
  template <class Body> void run(const Body& body) const {
    std::get<0>(factors_).scalar_type() == at::kDouble ? run_as<double>(body) : run_as<float>(body);
  }

private:
  template <class T, class Body> void run_as(const Body& body) const {
    const auto& [m, t] = factors_;
    const InvariantsProblem<T> x{
        m.size(0),
        static_cast<int>(m.size(2)),
        static_cast<T>(cusp_),
        m.const_data_ptr<T>(),
        t.const_data_ptr<T>(),
        at::get_num_threads()};
    body(T(), x, training_kernels<T>(static_cast<int>(m.size(1))));
  }

  Factors factors_;
  double cusp_;
};

template <class T> InvariantsFactors<T> pointers(const Factors& f) {
  using Value = std::remove_const_t<T>;
  return {std::get<0>(f).data_ptr<Value>(), std::get<1>(f).data_ptr<Value>()};
}

struct Invariants {
  static constexpr const char *name = "invariants",
                              *schema =
                                  "(Tensor moments, Tensor scales, float cusp_regularisation) -> "
                                  "Tensor",
                              *backward_schema = "(Tensor gradient, Tensor moments, Tensor scales, "
                                                 "float cusp_regularisation) -> (Tensor, Tensor)";
  // Scales that a network of order 0 does not have get no gradient.
  static constexpr size_t n_values = 1, may_be_empty = 1;

  static Tensor value(const Tensor& moments, const Tensor& scales, double cusp) {
    const Problem problem({moments, scales}, cusp);
    Tensor out = problem.like_invariants();
    problem.run([&](auto zero, const auto& x, const auto& table) {
      table.invariants(x, out.data_ptr<decltype(zero)>());
    });
    return out;
  }

  static Factors
  backward(const Tensor& gradient, const Tensor& moments, const Tensor& scales, double cusp) {
    const Problem problem({moments, scales}, cusp);
    const Tensor g = problem.taken(gradient);
    Factors out = problem.like_factors();
    problem.run([&](auto zero, const auto& x, const auto& table) {
      using T = decltype(zero);
      table.invariants_backward(
          x, g.const_data_ptr<T>(), pointers<T>(out), problem.scratch().template data_ptr<T>());
    });
    return out;
  }

  static variable_list
  double_backward(const variable_list& given, const variable_list& directions, double cusp, bool) {
    const Factors factors{given[1], given[2]};
    const Factors k{directions[0].contiguous(), directions[1].contiguous()};
    if (given[0].is_cuda()) {
      return cuda::on_gpu(given[0], [&](cuda::Device& device) {
        const auto [change, out] =
            cuda::invariants_double_backward_on(device, given[0], factors, k, cusp);
        return joined({change}, listed(out));
      });
    }
    const Problem problem(factors, cusp);
    const Tensor g = problem.taken(given[0]);
    Tensor change = problem.like_invariants();
    const Factors out = problem.like_factors();
    problem.run([&](auto zero, const auto& x, const auto& table) {
      using T = decltype(zero);
      table.invariants_double_backward(
          x, g.const_data_ptr<T>(), pointers<const T>(k), change.data_ptr<T>(), pointers<T>(out),
          problem.scratch().template data_ptr<T>());
    });
    return joined({change}, listed(out));
  }

  static Tensor shapes(const Tensor& moments, const Tensor&, double) {
    return at::empty({moments.size(0), moments.size(2)}, moments.options());
  }

  static Tensor
  value_on(cuda::Device& device, const Tensor& moments, const Tensor& scales, double cusp) {
    return cuda::invariants_on(device, {moments, scales}, cusp);
  }
  static Factors backward_on(
      cuda::Device& device, const Tensor& gradient, const Tensor& moments, const Tensor& scales,
      double cusp) {
    return cuda::invariants_backward_on(device, gradient, {moments, scales}, cusp);
  }
};

} // namespace

TORCH_LIBRARY_FRAGMENT(hipnn_ts, m) {
  TrainingOperator<Invariants>::define(m);
}

} // namespace hipnn_ts
