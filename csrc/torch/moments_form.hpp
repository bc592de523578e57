// SPDX-License-Identifier: BSD-3-Clause
//
// E = sum_p Y s P is trilinear: pairing E with a fourth tensor G gives a scalar form of four
// factors (components Y, sensitivities s, projections P, moments G). The operators are the form's
// derivatives: E, and the gradients with respect to Y, s and P.
#pragma once

#include <ATen/ATen.h>

#include <array>
#include <vector>

namespace hipnn_ts {

enum Factor : int { components, sensitivities, projections, moments };
constexpr const char* factor_names[] = {"components", "sensitivities", "projections", "moments"};
constexpr int64_t factor_dims[] = {2, 2, 3, 3};

/// Sizes that would follow from the missing factor.
struct Sizes {
  int64_t n_receivers, n_senders, n_components, window, n_sensitivities, n_features;

  std::vector<int64_t> shape(Factor factor, int64_t n_pairs) const;
};

/// The sensitivities and atoms of each pair.
struct PairTensors {
  at::Tensor first, count, receivers, senders;
};

/// The form: factors that an operator computes, or does not need, are undefined.
struct Form {
  at::Tensor factors[4];
  PairTensors pairs;
  Sizes sizes;

  const at::Tensor& any() const { return factors[components].defined() ? factors[0] : factors[1]; }
  int64_t n_pairs() const { return pairs.receivers.size(0); }
};

/// One tensor for each of components, sensitivities and projections.
using Three = std::array<at::Tensor, 3>;

/// The moments. These functions throw c10::Error if arguments do not fit.
at::Tensor moments_on_cpu(const Form& form);

/// The form's gradients with respect to the wanted factors.
Three gradients_on_cpu(const Form& form, std::array<bool, 3> wanted);

/// The change of those gradients, paired with `along` and summed, with respect to the wanted
/// factors, moments last; undefined for the others. `along` is undefined if there is nothing to
/// pair with.
std::array<at::Tensor, 4>
change_on_cpu(const Form& form, const Three& along, std::array<bool, 4> wanted);

} // namespace hipnn_ts
