// SPDX-License-Identifier: BSD-3-Clause
//
// The on-site operations of a block: invariants of the moments, self interaction, on-site layers,
// readout; forward and backward. Atoms go in tiles that stay in cache through all layers.
#pragma once

#include "core/cpu/mixing.hpp"
#include "core/cpu/radial.hpp"

namespace hipnn_ts {
namespace HIPNN_TS_ISA {

/// softplus(x) in place, with its derivative in slope. log(1 + e) = 2 artanh(e / (2 + e)). Beyond
/// 20 it is x itself, as in torch, where models were trained.
template <class T> inline void softplus(T* __restrict x, T* __restrict slope, int64_t n) {
  constexpr int terms = sizeof(T) == 4 ? 8 : 18;
  for (int64_t i = 0; i < n; ++i) {
    const T value = x[i];
    const T e = exponential(value < 0 ? value : -value);
    const T z = e / (2 + e);
    const T z2 = z * z;
    T series = 0;
    for (int k = terms - 1; k >= 0; --k) {
      series = series * z2 + T(1) / (2 * k + 1);
    }
    const T inverse = 1 / (1 + e);
    const T soft = (value > 0 ? value : 0) + 2 * z * series;
    const T soft_slope = value > 0 ? inverse : e * inverse;
    x[i] = value > 20 ? value : soft;
    slope[i] = value > 20 ? T(1) : soft_slope;
  }
}

template <class T> inline void multiply(T* __restrict x, const T* __restrict y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    x[i] *= y[i];
  }
}

/// Forward pass of one tile. features (n, n_in) of the atoms themselves, out (n, n_out), hidden (n,
/// n_middle) and `mixing` scratch, slopes of every activation one after the other, each
/// `slope_stride` apart.
template <class T, int C>
void tile_forward(
    const BlockWeights<T>& w, int n, const T* moments, const T* features, T* out, T* hidden,
    T* slopes, int64_t slope_stride, double* energies, T* mixing) {
  invariants<T, C>(w, moments, n, hidden, mixing);
  linear(w.self_interaction, n, features, hidden, true);
  softplus(hidden, slopes, static_cast<int64_t>(n) * w.n_middle);
  if (w.residual) {
    if (w.adjust.forward) {
      linear(w.adjust, n, features, out, false);
    } else {
      std::memcpy(out, features, sizeof(T) * n * w.n_out);
    }
    linear(w.outer, n, hidden, out, true);
  } else {
    std::memcpy(out, hidden, sizeof(T) * n * w.n_out);
  }
  for (int layer = 0; layer < w.n_atom_layers; ++layer) {
    slopes += slope_stride;
    linear(w.onsite[layer].inner, n, out, hidden, false);
    softplus(hidden, slopes, static_cast<int64_t>(n) * w.n_middle);
    if (w.residual) {
      linear(w.onsite[layer].outer, n, hidden, out, true);
    } else {
      std::memcpy(out, hidden, sizeof(T) * n * w.n_out);
    }
  }
  for (int i = 0; i < n; ++i) {
    T energy = w.readout_bias;
    for (int f = 0; f < w.n_out; ++f) {
      energy += w.readout_weights[f] * out[static_cast<int64_t>(i) * w.n_out + f];
    }
    energies[i] += static_cast<double>(energy);
  }
}

/// Backward pass of one tile. d (n, n_out) is the gradient with respect to the block's output on
/// entry, and is destroyed; moments become their gradients; d_features (n, n_in) is added to unless
/// null.
template <class T, int C>
void tile_backward(
    const BlockWeights<T>& w, int n, T* moments, T* d, T* hidden, const T* slopes,
    int64_t slope_stride, T* d_features, T* mixing) {
  const int64_t size = static_cast<int64_t>(n) * w.n_middle;
  for (int layer = w.n_atom_layers - 1; layer >= 0; --layer) {
    if (w.residual) {
      linear_backward(w.onsite[layer].outer, n, d, hidden, false);
    } else {
      std::memcpy(hidden, d, sizeof(T) * size);
    }
    multiply(hidden, slopes + (layer + 1) * slope_stride, size);
    linear_backward(w.onsite[layer].inner, n, hidden, d, w.residual);
  }
  if (w.residual) {
    linear_backward(w.outer, n, d, hidden, false);
  } else {
    std::memcpy(hidden, d, sizeof(T) * size);
  }
  multiply(hidden, slopes, size);
  if (d_features) {
    linear_backward(w.self_interaction, n, hidden, d_features, true);
    if (w.residual) {
      if (w.adjust.forward) {
        linear_backward(w.adjust, n, d, d_features, true);
      } else {
        for (int64_t i = 0; i < static_cast<int64_t>(n) * w.n_out; ++i) {
          d_features[i] += d[i];
        }
      }
    }
  }
  invariants_backward<T, C>(w, moments, n, hidden, mixing);
}

/// Adds the readout's gradient to d (n, n_out).
template <class T> inline void add_readout(const BlockWeights<T>& w, int n, T* d) {
  for (int i = 0; i < n; ++i) {
    for (int f = 0; f < w.n_out; ++f) {
      d[static_cast<int64_t>(i) * w.n_out + f] += w.readout_weights[f];
    }
  }
}

} // namespace HIPNN_TS_ISA
} // namespace hipnn_ts
