// SPDX-License-Identifier: BSD-3-Clause
//
// Polynomial invariants of the moments for training, with first and second derivatives.
#include <ATen/Parallel.h>

#include "core/polynomial_terms.hpp"
#include "core/training_kernels.hpp"
#include "torch/cuda/training.hpp"
#include "torch/training_operator.hpp"

namespace hipnn_ts {
namespace {

using at::Tensor;

/// Moments (n, C, a) in the layout of the kernels, and the number K of polynomials.
class Problem {
public:
  Problem(const Tensor& moments, int64_t n_max) : moments_(moments.contiguous()) {
    TORCH_CHECK(
        moments.dim() == 3, "moments: expected 3 dimensions, found shape ", moments.sizes());
    check_real(moments.scalar_type());
    check_components(moments.size(1));
    check(moments, "moments", moments.scalar_type(), moments.sizes());
    TORCH_CHECK(
        n_max >= 1 && n_max <= max_factors, "n_max: expected 1 to ", max_factors, ", found ",
        n_max);
    n_max_ = static_cast<int>(n_max);
  }

  /// With the number of polynomials of a gradient (n, K, a).
  static Problem of_gradient(const Tensor& g, const Tensor& moments) {
    TORCH_CHECK(g.dim() == 3, "gradient: expected 3 dimensions, found shape ", g.sizes());
    const int factors =
        factors_of(static_cast<int>(g.size(1)), order_of(static_cast<int>(moments.size(1))));
    TORCH_CHECK(factors > 0, "gradient: no n_max has ", g.size(1), " invariants");
    return {moments, factors};
  }

  Tensor like_invariants() const {
    const int K = n_polynomials(order_of(static_cast<int>(moments_.size(1))), n_max_);
    return at::empty({moments_.size(0), K, moments_.size(2)}, moments_.options());
  }
  Tensor like_moments() const { return at::empty_like(moments_); }

  Tensor taken(const Tensor& g) const {
    check(g, "gradient", moments_.scalar_type(), like_invariants().sizes());
    return g.contiguous();
  }

  /// Calls body(zero of the type, problem, kernels).
  template <class Body> void run(const Body& body) const {
    moments_.scalar_type() == at::kDouble ? run_as<double>(body) : run_as<float>(body);
  }

private:
  template <class T, class Body> void run_as(const Body& body) const {
    const PolynomialsProblem<T> x{
        moments_.size(0), static_cast<int>(moments_.size(2)), n_max_, moments_.const_data_ptr<T>(),
        at::get_num_threads()};
    body(T(), x, training_kernels<T>(static_cast<int>(moments_.size(1))));
  }

  Tensor moments_;
  int n_max_;
};

struct Polynomials {
  static constexpr const char *name = "polynomials",
                              *schema = "(Tensor moments, int n_max) -> Tensor",
                              *backward_schema = "(Tensor gradient, Tensor moments) -> Tensor";
  static constexpr size_t n_values = 1, may_be_empty = 1;

  static Tensor value(const Tensor& moments, int64_t n_max) {
    const Problem problem(moments, n_max);
    Tensor out = problem.like_invariants();
    problem.run([&](auto zero, const auto& x, const auto& table) {
      table.polynomials(x, out.data_ptr<decltype(zero)>());
    });
    return out;
  }

  static Tensor backward(const Tensor& gradient, const Tensor& moments) {
    const Problem problem = Problem::of_gradient(gradient, moments);
    const Tensor g = problem.taken(gradient), out = problem.like_moments();
    problem.run([&](auto zero, const auto& x, const auto& table) {
      using T = decltype(zero);
      table.polynomials_backward(x, g.const_data_ptr<T>(), out.data_ptr<T>());
    });
    return out;
  }

  static variable_list
  double_backward(const variable_list& given, const variable_list& directions, double, bool) {
    const Tensor k = directions[0].contiguous();
    if (given[0].is_cuda()) {
      return cuda::on_gpu(given[0], [&](cuda::Device& device) {
        return listed(cuda::polynomials_double_backward_on(device, given[0], given[1], k));
      });
    }
    const Problem problem = Problem::of_gradient(given[0], given[1]);
    const Tensor g = problem.taken(given[0]), change = problem.like_invariants(),
                 out = problem.like_moments();
    problem.run([&](auto zero, const auto& x, const auto& table) {
      using T = decltype(zero);
      table.polynomials_double_backward(
          x, g.const_data_ptr<T>(), k.const_data_ptr<T>(), change.data_ptr<T>(), out.data_ptr<T>());
    });
    return {change, out};
  }

  static Tensor shapes(const Tensor& moments, int64_t n_max) {
    const int K =
        n_polynomials(order_of(static_cast<int>(moments.size(1))), static_cast<int>(n_max));
    return at::empty({moments.size(0), K, moments.size(2)}, moments.options());
  }

  static Tensor value_on(cuda::Device& device, const Tensor& moments, int64_t n_max) {
    return cuda::polynomials_on(device, moments, n_max);
  }
  static Tensor backward_on(cuda::Device& device, const Tensor& gradient, const Tensor& moments) {
    return cuda::polynomials_backward_on(device, gradient, moments);
  }
};

} // namespace

TORCH_LIBRARY_FRAGMENT(hipnn_ts, m) {
  TrainingOperator<Polynomials>::define(m);
}

} // namespace hipnn_ts
