// SPDX-License-Identifier: BSD-3-Clause
//
// A training operator whose value, gradient and derivative of the gradient are computed by kernels,
// for tensors on the CPU or a GPU. A description generates its registration with torch. The
// gradient is an operator as well, NAME_backward. Third derivatives do not exist.
//
// A description `Op` has
//   name, schema, backward_schema
//   n_values         number of tensors that the operator returns
//   may_be_empty     first input that gets no gradient where the gradient is empty
//   value(...)       on the CPU; its arguments are tensors with a gradient, tensors without one,
//                    integers, and a real number
//   backward(...)    on the CPU; gradients of the values, the tensor arguments, the real number; a
//                    shape that an integer gives is that of the gradients
//   value_on(...), backward_on(...)
//                    the same with a Device before them
//   double_backward(arguments of `backward`, directions, real number, wanted)
//                    on either: how the product of the inputs' gradients with the directions
//                    changes with the values' gradients and, if `wanted`, with the inputs
//   shapes(...)      uninitialised values
#pragma once

#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include "torch/checks.hpp"
#include "torch/cuda/guard.hpp"

namespace hipnn_ts {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// A tensor, or a tuple of them, as a list and back.
inline variable_list listed(const at::Tensor& t) {
  return {t};
}
template <class... Tensors> variable_list listed(const std::tuple<Tensors...>& t) {
  return std::apply([](const auto&... each) { return variable_list{each...}; }, t);
}
template <class Result, size_t... k>
Result tuple_of(const variable_list& tensors, std::index_sequence<k...>) {
  return {tensors[k]...};
}
template <class Result> Result unlisted(const variable_list& tensors) {
  if constexpr (std::is_same_v<Result, at::Tensor>) {
    return tensors[0];
  } else {
    return tuple_of<Result>(tensors, std::make_index_sequence<std::tuple_size_v<Result>>());
  }
}

/// `first` and then `second`.
inline variable_list joined(variable_list first, const variable_list& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

template <class Op> class TrainingOperator {
public:
  static void define(torch::Library& m) {
    m.def((std::string(Op::name) + Op::schema).c_str());
    m.def((std::string(Op::name) + "_backward" + Op::backward_schema).c_str());
    define_for(m, &Op::value, &Op::backward);
  }

private:
  template <class Result, class... Args, class Gradients, class... BackwardArgs>
  static void
  define_for(torch::Library& m, Result (*value)(Args...), Gradients (*backward)(BackwardArgs...)) {
    using First = Value<Result(Args...)>;
    using Second = Backward<Gradients(BackwardArgs...)>;
    const std::string name = Op::name, gradient = name + "_backward";
    const auto impl = [&](const std::string& which, c10::DispatchKey key, auto* function) {
      m.impl(which.c_str(), torch::dispatch(key, function));
    };
    impl(name, c10::DispatchKey::CPU, value);
    impl(name, c10::DispatchKey::CUDA, &First::on_gpu);
    impl(name, c10::DispatchKey::Meta, &Op::shapes);
    impl(name, c10::DispatchKey::Autograd, &First::differentiable);
    impl(gradient, c10::DispatchKey::CPU, backward);
    impl(gradient, c10::DispatchKey::CUDA, &Second::on_gpu);
    impl(gradient, c10::DispatchKey::Meta, &Second::shapes);
    impl(gradient, c10::DispatchKey::Autograd, &Second::differentiable);
  }

  /// The tensors among arguments, and the number.
  template <class... Args> static variable_list tensors_of(const Args&... args) {
    variable_list out;
    const auto take = [&](const auto& each) {
      if constexpr (std::is_same_v<std::decay_t<decltype(each)>, at::Tensor>) {
        out.push_back(each);
      }
    };
    (take(args), ...);
    return out;
  }
  template <class... Args> static double real_of(const Args&... args) {
    double out = 0;
    const auto take = [&](const auto& each) {
      if constexpr (std::is_same_v<std::decay_t<decltype(each)>, double>) {
        out = each;
      }
    };
    (take(args), ...);
    return out;
  }

  /// Results of a backward pass: gradients from position `begin` on are those of inputs.
  static variable_list complete(variable_list gradients, size_t begin, size_t n_arguments) {
    for (size_t k = begin + Op::may_be_empty; k < gradients.size(); ++k) {
      if (gradients[k].numel() == 0) {
        gradients[k] = at::Tensor();
      }
    }
    gradients.resize(n_arguments);
    return gradients;
  }

  template <class Signature> struct Backward;
  template <class Gradients, class... Args>
  struct Backward<Gradients(Args...)> : torch::autograd::Function<Backward<Gradients(Args...)>> {
    /// Calls the operator.
    static Gradients call(const variable_list& tensors, double real) {
      static const auto op = find_operator<Gradients(Args...)>(
          (std::string("hipnn_ts::") + Op::name + "_backward").c_str());
      size_t k = 0;
      // Braces, because arguments are then evaluated in order.
      const std::tuple<Args...> args{argument<Args>(tensors, k, real)...};
      return std::apply([](const auto&... each) { return op.call(each...); }, args);
    }

    static variable_list forward(AutogradContext* ctx, Args... args) {
      ctx->save_for_backward(tensors_of(args...));
      ctx->saved_data["real"] = real_of(args...);
      at::AutoDispatchBelowADInplaceOrView guard;
      return listed(call(tensors_of(args...), real_of(args...)));
    }

    static variable_list backward(AutogradContext* ctx, variable_list directions) {
      TORCH_CHECK_NOT_IMPLEMENTED(
          !at::GradMode::is_enabled(), "hipnn_ts::", Op::name,
          ": third derivatives are not implemented; a "
          "potential with fused=False has them");
      return complete(
          Op::double_backward(
              ctx->get_saved_variables(), directions, ctx->saved_data["real"].toDouble(),
              ctx->needs_input_grad(Op::n_values)),
          Op::n_values, sizeof...(Args));
    }

    static Gradients differentiable(Args... args) {
      return unlisted<Gradients>(Backward::apply(args...));
    }

    static Gradients on_gpu(Args... args) {
      return cuda::on_gpu(tensors_of(args...)[0], [&](cuda::Device& device) {
        return Op::backward_on(device, args...);
      });
    }

    static Gradients shapes(Args... args) {
      variable_list out = tensors_of(args...);
      for (at::Tensor& each : out) {
        each = at::empty_like(each, at::MemoryFormat::Contiguous);
      }
      out.erase(out.begin(), out.begin() + Op::n_values);
      return unlisted<Gradients>(out);
    }

  private:
    template <class Arg>
    static Arg argument(const variable_list& tensors, size_t& k, const double& real) {
      if constexpr (std::is_same_v<std::decay_t<Arg>, at::Tensor>) {
        return tensors[k++];
      } else {
        return real;
      }
    }
  };

  template <class Signature> struct Value;
  template <class Result, class... Args>
  struct Value<Result(Args...)> : torch::autograd::Function<Value<Result(Args...)>> {
    static variable_list forward(AutogradContext* ctx, Args... args) {
      ctx->save_for_backward(tensors_of(args...));
      ctx->saved_data["real"] = real_of(args...);
      at::AutoDispatchBelowADInplaceOrView guard;
      static const auto op =
          find_operator<Result(Args...)>((std::string("hipnn_ts::") + Op::name).c_str());
      return listed(op.call(args...));
    }

    static variable_list backward(AutogradContext* ctx, variable_list gradients) {
      return gradients_of(
          &Op::backward, joined(std::move(gradients), ctx->get_saved_variables()),
          ctx->saved_data["real"].toDouble());
    }

    static Result differentiable(Args... args) { return unlisted<Result>(Value::apply(args...)); }

    static Result on_gpu(Args... args) {
      return cuda::on_gpu(tensors_of(args...)[0], [&](cuda::Device& device) {
        return Op::value_on(device, args...);
      });
    }

  private:
    template <class Gradients, class... BackwardArgs>
    static variable_list
    gradients_of(Gradients (*)(BackwardArgs...), const variable_list& tensors, double real) {
      return complete(
          listed(Backward<Gradients(BackwardArgs...)>::call(tensors, real)), 0, sizeof...(Args));
    }
  };
};

} // namespace hipnn_ts
