// SPDX-License-Identifier: BSD-3-Clause
//
// Radial sensitivities for training, their first and their second derivatives, each in one pass
// over the pairs. Third derivatives do not exist.
#include <ATen/Parallel.h>
#include <torch/library.h>
#include <torch/torch.h>

#include "core/kernels.hpp"
#include "torch/checked_pairs.hpp"
#include "torch/checks.hpp"
#include "torch/cuda/guard.hpp"
#include "torch/cuda/training.hpp"

namespace hipnn_ts {
namespace {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// inverse_distances (P,), envelopes (P,), inverse_mu (V,), sigma (V,).
using Factors = std::tuple<Tensor, Tensor, Tensor, Tensor>;

/// The factors and windows as kernels read them, alive as long as this is.
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

template <class T> const Kernels<T>& any_kernels() {
  return kernels<T>(1); // sensitivities are the same for every number of components
}

/// Calls body(T()) with the type of the tensors.
template <class Body> auto with_type(const Tensor& t, const Body& body) {
  check_real(t.scalar_type());
  return t.scalar_type() == at::kDouble ? body(double()) : body(float());
}

struct Cpu {
  static Tensor
  value(const Factors& factors, const Tensor& first, const Tensor& count, int64_t window) {
    return with_type(std::get<0>(factors), [&](auto zero) {
      using T = decltype(zero);
      const Problem<T> problem(factors, first, count, window);
      Tensor out = at::empty({problem.kernel.n_pairs, window}, std::get<0>(factors).options());
      any_kernels<T>().sensitivities(problem.kernel, out.data_ptr<T>());
      return out;
    });
  }

  static Factors backward(
      const Tensor& gradient, const Factors& factors, const Tensor& first, const Tensor& count) {
    return with_type(gradient, [&](auto zero) {
      using T = decltype(zero);
      const Problem<T> problem(factors, first, count, gradient.size(1));
      problem.check_gradient(gradient);
      const Factors out = problem.like_factors();
      any_kernels<T>().sensitivities_backward(
          problem.kernel, gradient.contiguous().template const_data_ptr<T>(), pointers<T>(out),
          problem.scratch().template data_ptr<T>());
      return out;
    });
  }
};

/// Derivatives of `backward` with respect to its gradient and the factors.
std::tuple<Tensor, Factors> double_backward(
    const Tensor& gradient, const Factors& factors, const Tensor& first, const Tensor& count,
    const Factors& directions) {
  if (gradient.is_cuda()) {
    return cuda::on_gpu(gradient, [&](cuda::Device& device) {
      return cuda::sensitivities_double_backward_on(
          device, gradient, factors, first, count, directions);
    });
  }
  return with_type(gradient, [&](auto zero) {
    using T = decltype(zero);
    const Problem<T> problem(factors, first, count, gradient.size(1));
    const auto& [kx, kc, ky, ks] = directions;
    const Factors k{
        kx.contiguous(), kc.contiguous(), at::constant_pad_nd(ky, {0, sensitivity_padding}),
        at::constant_pad_nd(ks, {0, sensitivity_padding})};
    const SensitivityFactors<T> view = pointers<T>(k);
    Tensor change = at::empty_like(gradient, at::MemoryFormat::Contiguous);
    const Factors out = problem.like_factors();
    any_kernels<T>().sensitivities_double_backward(
        problem.kernel, gradient.contiguous().template const_data_ptr<T>(),
        {view.inverse_distances, view.envelopes, view.inverse_mu, view.sigma}, change.data_ptr<T>(),
        pointers<T>(out), problem.scratch().template data_ptr<T>());
    return std::tuple{change, out};
  });
}

Factors factors_of(const variable_list& saved, size_t begin) {
  return {saved[begin], saved[begin + 1], saved[begin + 2], saved[begin + 3]};
}

Factors backward_operator(
    const Tensor& gradient, const Tensor& x, const Tensor& c, const Tensor& y, const Tensor& sigma,
    const Tensor& first, const Tensor& count) {
  return Cpu::backward(gradient, {x, c, y, sigma}, first, count);
}

Tensor value_operator(
    const Tensor& x, const Tensor& c, const Tensor& y, const Tensor& sigma, const Tensor& first,
    const Tensor& count, int64_t window) {
  return Cpu::value({x, c, y, sigma}, first, count, window);
}

Factors backward_cuda(
    const Tensor& gradient, const Tensor& x, const Tensor& c, const Tensor& y, const Tensor& sigma,
    const Tensor& first, const Tensor& count) {
  return cuda::on_gpu(gradient, [&](cuda::Device& device) {
    return cuda::sensitivities_backward_on(device, gradient, {x, c, y, sigma}, first, count);
  });
}

Tensor value_cuda(
    const Tensor& x, const Tensor& c, const Tensor& y, const Tensor& sigma, const Tensor& first,
    const Tensor& count, int64_t window) {
  return cuda::on_gpu(x, [&](cuda::Device& device) {
    return cuda::sensitivities_on(device, {x, c, y, sigma}, first, count, window);
  });
}

Factors call_backward(
    const Tensor& gradient, const Tensor& x, const Tensor& c, const Tensor& y, const Tensor& sigma,
    const Tensor& first, const Tensor& count) {
  static const auto op =
      find_operator<decltype(backward_operator)>("hipnn_ts::sensitivities_backward");
  return op.call(gradient, x, c, y, sigma, first, count);
}

struct Value : torch::autograd::Function<Value> {
  static Tensor forward(
      AutogradContext* ctx, const Tensor& x, const Tensor& c, const Tensor& y, const Tensor& sigma,
      const Tensor& first, const Tensor& count, int64_t window) {
    ctx->save_for_backward({x, c, y, sigma, first, count});
    at::AutoDispatchBelowADInplaceOrView guard;
    static const auto op = find_operator<decltype(value_operator)>("hipnn_ts::sensitivities");
    return op.call(x, c, y, sigma, first, count, window);
  }

  static variable_list backward(AutogradContext* ctx, variable_list gradients) {
    const auto saved = ctx->get_saved_variables();
    auto [x, c, y, sigma] =
        call_backward(gradients[0], saved[0], saved[1], saved[2], saved[3], saved[4], saved[5]);
    return {x, c, y, sigma, Tensor(), Tensor(), Tensor()};
  }
};

struct Backward : torch::autograd::Function<Backward> {
  static variable_list forward(
      AutogradContext* ctx, const Tensor& gradient, const Tensor& x, const Tensor& c,
      const Tensor& y, const Tensor& sigma, const Tensor& first, const Tensor& count) {
    ctx->save_for_backward({gradient, x, c, y, sigma, first, count});
    at::AutoDispatchBelowADInplaceOrView guard;
    const auto [dx, dc, dy, ds] = call_backward(gradient, x, c, y, sigma, first, count);
    return {dx, dc, dy, ds};
  }

  static variable_list backward(AutogradContext* ctx, variable_list directions) {
    const auto saved = ctx->get_saved_variables();
    TORCH_CHECK_NOT_IMPLEMENTED(
        !at::GradMode::is_enabled(),
        "hipnn_ts::sensitivities: third derivatives are not implemented; a potential with "
        "fused=False has them");
    for (size_t k = 0; k < 4; ++k) {
      if (!directions[k].defined()) {
        directions[k] = at::zeros_like(saved[k + 1]);
      }
    }
    const auto [change, out] = double_backward(
        saved[0], factors_of(saved, 1), saved[5], saved[6], factors_of(directions, 0));
    const auto& [x, c, y, sigma] = out;
    return {change, x, c, y, sigma, Tensor(), Tensor()};
  }
};

Tensor value_autograd(
    const Tensor& x, const Tensor& c, const Tensor& y, const Tensor& sigma, const Tensor& first,
    const Tensor& count, int64_t window) {
  return Value::apply(x, c, y, sigma, first, count, window);
}

Factors backward_autograd(
    const Tensor& gradient, const Tensor& x, const Tensor& c, const Tensor& y, const Tensor& sigma,
    const Tensor& first, const Tensor& count) {
  return factors_of(Backward::apply(gradient, x, c, y, sigma, first, count), 0);
}

Tensor value_meta(
    const Tensor& x, const Tensor&, const Tensor&, const Tensor&, const Tensor&, const Tensor&,
    int64_t window) {
  return at::empty({x.size(0), window}, x.options());
}

Factors backward_meta(
    const Tensor&, const Tensor& x, const Tensor& c, const Tensor& y, const Tensor& sigma,
    const Tensor&, const Tensor&) {
  return {at::empty_like(x), at::empty_like(c), at::empty_like(y), at::empty_like(sigma)};
}

} // namespace

TORCH_LIBRARY_FRAGMENT(hipnn_ts, m) {
  m.def(
      "sensitivities(Tensor inverse_distances, Tensor envelopes, Tensor inverse_mu, Tensor sigma, "
      "Tensor first, Tensor count, int window) -> Tensor");
  m.def(
      "sensitivities_backward(Tensor gradient, Tensor inverse_distances, Tensor envelopes, "
      "Tensor inverse_mu, Tensor sigma, Tensor first, Tensor count) -> "
      "(Tensor, Tensor, Tensor, Tensor)");
}

TORCH_LIBRARY_IMPL(hipnn_ts, CPU, m) {
  m.impl("sensitivities", &value_operator);
  m.impl("sensitivities_backward", &backward_operator);
}

TORCH_LIBRARY_IMPL(hipnn_ts, CUDA, m) {
  m.impl("sensitivities", &value_cuda);
  m.impl("sensitivities_backward", &backward_cuda);
}

TORCH_LIBRARY_IMPL(hipnn_ts, Meta, m) {
  m.impl("sensitivities", &value_meta);
  m.impl("sensitivities_backward", &backward_meta);
}

TORCH_LIBRARY_IMPL(hipnn_ts, Autograd, m) {
  m.impl("sensitivities", &value_autograd);
  m.impl("sensitivities_backward", &backward_autograd);
}

} // namespace hipnn_ts
