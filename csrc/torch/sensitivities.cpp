// SPDX-License-Identifier: BSD-3-Clause
//
// Radial sensitivities for training, with first and second derivatives, each in one pass over the
// pairs.
#include <ATen/Parallel.h>

#include "core/training_kernels.hpp"
#include "torch/checked_pairs.hpp"
#include "torch/cuda/training.hpp"
#include "torch/training_operator.hpp"

namespace hipnn_ts {
namespace {

using at::Tensor;

/// inverse_distances (P,), envelopes (P,), inverse_mu (V,), sigma (V,).
using Factors = std::tuple<Tensor, Tensor, Tensor, Tensor>;

/// The factors and windows in the layout of the kernels, which must outlive their use.
template <class T> class Problem {
public:
  Problem(const Factors& factors, const Tensor& first, const Tensor& count, int64_t window)
      : first_(first.contiguous()), count_(count.contiguous()) {
    const auto& [x, c, y, sigma] = factors;
    const auto type = x.scalar_type();
    const int64_t n_pairs = x.numel();
    check(x, "inverse_distances", type, {n_pairs});
    check(c, "envelopes", type, {n_pairs});
    check(y, "inverse_mu", type, {y.numel()});
    check(sigma, "sigma", type, y.sizes());
    check_windows_once(first_, count_, n_pairs, window, y.numel());
    x_ = x.contiguous();
    c_ = c.contiguous();
    y_ = at::constant_pad_nd(y, {0, sensitivity_padding});
    sigma_ = at::constant_pad_nd(sigma, {0, sensitivity_padding});
    kernel = {
        n_pairs,
        static_cast<int>(y.numel()),
        static_cast<int>(window),
        first_.const_data_ptr<int32_t>(),
        count_.const_data_ptr<int32_t>(),
        x_.template const_data_ptr<T>(),
        c_.template const_data_ptr<T>(),
        y_.template const_data_ptr<T>(),
        sigma_.template const_data_ptr<T>(),
        at::get_num_threads()};
  }

  /// Gradients, uninitialised, and the kernels' view of them.
  Factors like_factors() const {
    const auto options = x_.options();
    return {
        at::empty({kernel.n_pairs}, options), at::empty({kernel.n_pairs}, options),
        at::empty({kernel.n_sensitivities}, options), at::empty({kernel.n_sensitivities}, options)};
  }
  Tensor scratch() const {
    const int64_t blocks = (kernel.n_pairs + sensitivity_block - 1) / sensitivity_block;
    return at::empty({blocks, 2, kernel.n_sensitivities + sensitivity_padding}, x_.options());
  }
  void check_gradient(const Tensor& gradient) const {
    check(gradient, "gradient", x_.scalar_type(), {kernel.n_pairs, kernel.window});
  }

  SensitivitiesProblem<T> kernel;

private:
  Tensor x_, c_, y_, sigma_, first_, count_;
};

template <class T> SensitivityFactors<T> pointers(const Factors& f) {
  return {
      std::get<0>(f).data_ptr<T>(), std::get<1>(f).data_ptr<T>(), std::get<2>(f).data_ptr<T>(),
      std::get<3>(f).data_ptr<T>()};
}

template <class T> const TrainingKernels<T>& any_kernels() {
  return training_kernels<T>(1); // sensitivities are the same for every number of components
}

/// Calls body(T()) with the type of the tensors.
template <class Body> auto with_type(const Tensor& t, const Body& body) {
  check_real(t.scalar_type());
  return t.scalar_type() == at::kDouble ? body(double()) : body(float());
}

Factors factors_of(const variable_list& tensors, size_t begin) {
  return {tensors[begin], tensors[begin + 1], tensors[begin + 2], tensors[begin + 3]};
}

struct Sensitivities {
  static constexpr const char *name = "sensitivities",
                              *schema =
                                  "(Tensor inverse_distances, Tensor envelopes, Tensor inverse_mu, "
                                  "Tensor sigma, Tensor first, Tensor count, int window) -> Tensor",
                              *backward_schema =
                                  "(Tensor gradient, Tensor inverse_distances, Tensor envelopes, "
                                  "Tensor inverse_mu, Tensor sigma, Tensor first, Tensor count) -> "
                                  "(Tensor, Tensor, Tensor, Tensor)";
  static constexpr size_t n_values = 1, may_be_empty = 4;

  static Tensor value(
      const Tensor& x, const Tensor& c, const Tensor& y, const Tensor& sigma, const Tensor& first,
      const Tensor& count, int64_t window) {
    return with_type(x, [&](auto zero) {
      using T = decltype(zero);
      const Problem<T> problem({x, c, y, sigma}, first, count, window);
      Tensor out = shapes(x, c, y, sigma, first, count, window);
      any_kernels<T>().sensitivities(problem.kernel, out.data_ptr<T>());
      return out;
    });
  }

  static Factors backward(
      const Tensor& gradient, const Tensor& x, const Tensor& c, const Tensor& y,
      const Tensor& sigma, const Tensor& first, const Tensor& count) {
    return with_type(gradient, [&](auto zero) {
      using T = decltype(zero);
      const Problem<T> problem({x, c, y, sigma}, first, count, gradient.size(1));
      problem.check_gradient(gradient);
      const Factors out = problem.like_factors();
      any_kernels<T>().sensitivities_backward(
          problem.kernel, gradient.contiguous().template const_data_ptr<T>(), pointers<T>(out),
          problem.scratch().template data_ptr<T>());
      return out;
    });
  }

  static variable_list
  double_backward(const variable_list& given, const variable_list& directions, double, bool) {
    const Tensor &gradient = given[0], &first = given[5], &count = given[6];
    const Factors factors = factors_of(given, 1), along = factors_of(directions, 0);
    if (gradient.is_cuda()) {
      return cuda::on_gpu(gradient, [&](cuda::Device& device) {
        const auto [change, out] =
            cuda::sensitivities_double_backward_on(device, gradient, factors, first, count, along);
        return joined({change}, listed(out));
      });
    }
    return with_type(gradient, [&](auto zero) {
      using T = decltype(zero);
      const Problem<T> problem(factors, first, count, gradient.size(1));
      const auto& [kx, kc, ky, ks] = along;
      const Factors k{
          kx.contiguous(), kc.contiguous(), at::constant_pad_nd(ky, {0, sensitivity_padding}),
          at::constant_pad_nd(ks, {0, sensitivity_padding})};
      const SensitivityFactors<T> view = pointers<T>(k);
      Tensor change = at::empty_like(gradient, at::MemoryFormat::Contiguous);
      const Factors out = problem.like_factors();
      any_kernels<T>().sensitivities_double_backward(
          problem.kernel, gradient.contiguous().template const_data_ptr<T>(),
          {view.inverse_distances, view.envelopes, view.inverse_mu, view.sigma},
          change.data_ptr<T>(), pointers<T>(out), problem.scratch().template data_ptr<T>());
      return joined({change}, listed(out));
    });
  }

  static Tensor shapes(
      const Tensor& x, const Tensor&, const Tensor&, const Tensor&, const Tensor&, const Tensor&,
      int64_t window) {
    return at::empty({x.size(0), window}, x.options());
  }

  static Tensor value_on(
      cuda::Device& device, const Tensor& x, const Tensor& c, const Tensor& y, const Tensor& sigma,
      const Tensor& first, const Tensor& count, int64_t window) {
    return cuda::sensitivities_on(device, {x, c, y, sigma}, first, count, window);
  }
  static Factors backward_on(
      cuda::Device& device, const Tensor& gradient, const Tensor& x, const Tensor& c,
      const Tensor& y, const Tensor& sigma, const Tensor& first, const Tensor& count) {
    return cuda::sensitivities_backward_on(device, gradient, {x, c, y, sigma}, first, count);
  }
};

} // namespace

TORCH_LIBRARY_FRAGMENT(hipnn_ts, m) {
  TrainingOperator<Sensitivities>::define(m);
}

} // namespace hipnn_ts
