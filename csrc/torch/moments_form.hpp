// SPDX-License-Identifier: BSD-3-Clause
//
// E = sum_p Y s P is trilinear: pairing E with a fourth tensor G gives a scalar form of four
// factors (components Y, sensitivities s, projections P, moments G), and each operator is the
// form's derivative with respect to one factor.
#pragma once

#include <ATen/ATen.h>

#include <vector>

namespace hipnn_ts {

enum Factor : int { components, sensitivities, projections, moments };
constexpr const char* factor_names[] = {"components", "sensitivities", "projections", "moments"};
constexpr int64_t factor_dims[] = {2, 2, 3, 3};

/// Sizes that the missing factor would tell.
struct Sizes {
  int64_t n_receivers, n_senders, n_components, window, n_sensitivities, n_features;

  std::vector<int64_t> shape(Factor factor, int64_t n_pairs) const;
};

/// Which sensitivities and atoms a pair joins.
struct PairTensors {
  at::Tensor first, count, receivers, senders;
};

/// The form with one factor left out: the one that an operator computes.
struct Form {
  at::Tensor factors[4];
  PairTensors pairs;
  Sizes sizes;

  const at::Tensor& any() const { return factors[components].defined() ? factors[0] : factors[1]; }
  int64_t n_pairs() const { return pairs.receivers.size(0); }
};

/// The missing factor's derivative by the kernels. Throws c10::Error on arguments that do not fit.
at::Tensor contract_on_cpu(Form form, Factor result);

} // namespace hipnn_ts
