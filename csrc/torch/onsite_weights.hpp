// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <ATen/ATen.h>

#include "torch/checks.hpp"

namespace hipnn_ts {

/// Weights in the order of the operator's list: W1, b1, W2, b2 of each layer, then R if there is
/// one. W1 (middle, in), W2 (out, middle), R (out, in).
class OnSiteWeights {
public:
  explicit OnSiteWeights(at::TensorList all) : all_(all) {}

  size_t n_layers() const { return all_.size() / 4; }
  size_t size() const { return all_.size(); }
  const at::Tensor& inner(size_t layer) const { return all_[4 * layer]; }
  const at::Tensor& inner_bias(size_t layer) const { return all_[4 * layer + 1]; }
  const at::Tensor& outer(size_t layer) const { return all_[4 * layer + 2]; }
  const at::Tensor& outer_bias(size_t layer) const { return all_[4 * layer + 3]; }
  bool adjusts(size_t layer) const { return layer == 0 && all_.size() % 4 == 1; }
  const at::Tensor& adjust() const { return all_.back(); }

  /// The residual path to a layer's end, for features or for directions like them.
  at::Tensor past(size_t layer, const at::Tensor& x) const {
    return x.defined() && adjusts(layer) ? x.mm(adjust().t()) : x;
  }
  /// The same in the backward pass.
  at::Tensor back_past(size_t layer, const at::Tensor& g) const {
    return g.defined() && adjusts(layer) ? g.mm(adjust()) : g;
  }

private:
  at::TensorList all_;
};

/// Throws c10::Error if a block's on-site layers do not fit together.
inline void
check_layers(const at::Tensor& invariants, const at::Tensor& features, const OnSiteWeights& w) {
  const auto type = features.scalar_type();
  check_real(type);
  TORCH_CHECK(
      w.size() > 0 && w.size() % 4 < 2,
      "weights: expected four of each layer and perhaps one more, found ", w.size());
  TORCH_CHECK(
      features.dim() == 2, "features: expected 2 dimensions, found shape ", features.sizes());
  const auto expect = [&](const at::Tensor& t, const char* name, at::IntArrayRef shape) {
    TORCH_CHECK(t.scalar_type() == type, name, ": expected ", type, ", found ", t.scalar_type());
    TORCH_CHECK(t.sizes() == shape, name, ": expected shape ", shape, ", found ", t.sizes());
  };
  int64_t width = features.size(1);
  for (size_t l = 0; l < w.n_layers(); ++l) {
    TORCH_CHECK(
        w.inner(l).dim() == 2, "inner: expected a matrix, found shape ", w.inner(l).sizes());
    const int64_t middle = w.inner(l).size(0);
    const int64_t out = w.adjusts(l) ? w.adjust().size(0) : width;
    expect(w.inner(l), "inner", {middle, width});
    expect(w.inner_bias(l), "inner_bias", {middle});
    expect(w.outer(l), "outer", {out, middle});
    expect(w.outer_bias(l), "outer_bias", {out});
    if (l == 0) {
      expect(invariants, "invariants", {features.size(0), middle});
    }
    if (w.adjusts(l)) {
      expect(w.adjust(), "adjust", {out, width});
    }
    width = out;
  }
}

} // namespace hipnn_ts
