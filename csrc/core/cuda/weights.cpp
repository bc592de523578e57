// SPDX-License-Identifier: BSD-3-Clause
#include "core/cuda/weights.hpp"

#include <algorithm>
#include <stdexcept>

#include "core/panels.hpp"
#include "core/species_table.hpp"

namespace hipnn_ts {
namespace cuda {

namespace {

static_assert(window_bins == hipnn_ts::window_bins, "kernels and tables count the same bins");

/// Shared memory of a warp in the backward pass must leave room for a second warp on any GPU.
constexpr int most_window_bytes = 40 * 1024;

int lane_features(int n_features, int n_sensitivities, int real_bytes) {
  int n = n_features % 128 == 0 ? 4 : n_features % 64 == 0 ? 2 : 1;
  while (n > 1 && n * warp_size * n_sensitivities * real_bytes > most_window_bytes) {
    n /= 2;
  }
  return n;
}

template <class T> struct Builder {
  Device& device;

  Array<T> vector(const T* values, int n, int n_padded) const {
    std::vector<T> out(n_padded, T(0));
    if (values) {
      std::copy_n(values, n, out.begin());
    }
    return {device, out};
  }

  /// Of a matrix (n_in, n_out).
  DenseLayer<T> layer(int n_in, int n_out, const std::vector<T>& matrix) const {
    std::vector<T> transposed(matrix.size());
    for (int k = 0; k < n_in; ++k) {
      for (int n = 0; n < n_out; ++n) {
        transposed[int64_t{n} * n_in + k] = matrix[int64_t{k} * n_out + n];
      }
    }
    return {{device, matrix}, {device, transposed}, {}};
  }

  DenseLayer<T> dense(const Linear<T>& from, int n_in, int n_out) const {
    if (!from.forward) {
      return {};
    }
    std::vector<T> matrix(int64_t{n_in} * n_out, T(0));
    for (int k = 0; k < from.n_in; ++k) {
      for (int n = 0; n < from.n_out; ++n) {
        matrix[int64_t{k} * n_out + n] = from.forward[in_panels(k, n, from.n_in)];
      }
    }
    DenseLayer<T> out = layer(n_in, n_out, matrix);
    out.bias = vector(from.bias, from.bias ? from.n_out : 0, n_out);
    return out;
  }

  /// The first block's residual path if no layer changes the width: its features are one-hot.
  DenseLayer<T> identity(int n, int n_out) const {
    std::vector<T> matrix(int64_t{n} * n_out, T(0));
    for (int k = 0; k < n; ++k) {
      matrix[int64_t{k} * n_out + k] = 1;
    }
    return layer(n, n_out, matrix);
  }

  Array<OnSiteLayer<T>> layers(const DeviceBlock<T>& b) const {
    const auto pair = [](const DenseLayer<T>& inner, const DenseLayer<T>& outer) {
      return OnSiteLayer<T>{inner.weights.data(), inner.transposed.data(), inner.bias.data(),
                            outer.weights.data(), outer.transposed.data(), outer.bias.data()};
    };
    std::vector<OnSiteLayer<T>> out = {pair(b.self_interaction, b.outer)};
    for (size_t k = 0; k < b.inner.size(); ++k) {
      out.push_back(pair(b.inner[k], b.outers[k]));
    }
    return {device, out};
  }

  void add_projections(Passes<T>& passes, const BlockWeights<T>& w, int n_in) const {
    const int width = passes.constants.pass();
    for (int begin = 0; begin < passes.constants.n_features; begin += width) {
      std::vector<T> matrix(n_in * passes.row(), T(0));
      const int n = std::min(width, w.n_middle - begin);
      for (int k = 0; k < w.n_in; ++k) {
        for (int v = 0; v < w.radial.n_sensitivities; ++v) {
          for (int f = 0; f < n; ++f) {
            matrix[k * passes.row() + int64_t{v} * width + f] =
                w.projection.forward[in_panels(k, v * w.n_middle + begin + f, w.n_in)];
          }
        }
      }
      passes.projections.emplace_back(device, matrix);
    }
  }

  void factor_tables(DeviceBlock<T>& b, const BlockWeights<T>& w) const {
    const int V = w.radial.n_sensitivities, padded_V = b.wide.constants.n_sensitivities;
    std::vector<double> mixing(int64_t{w.n_in} * padded_V * padded_V, 0.0);
    std::vector<double> q(int64_t{V} * w.n_middle), l(int64_t{V} * V);
    std::vector<T> rows(int64_t{w.n_in} * padded_V * b.n_middle, T(0));
    for (int z = 0; z < w.n_in; ++z) {
      std::copy_n(w.table + z * int64_t{V} * w.n_middle, q.size(), q.begin());
      orthogonalise(V, w.n_middle, q.data(), l.data());
      for (int v = 0; v < V; ++v) {
        const int64_t row = int64_t{z} * padded_V + v;
        std::copy_n(l.data() + v * V, V, mixing.data() + row * padded_V);
        std::transform(
            q.data() + v * w.n_middle, q.data() + (v + 1) * w.n_middle,
            rows.data() + row * b.n_middle, [](double value) { return static_cast<T>(value); });
      }
    }
    b.mixing = {device, mixing};
    b.radial_table = {device, rows};
  }

  DevicePolynomials<T> polynomials(const PolynomialWeights<T>& p, int width, int padded) const {
    if (p.n_max == 0) {
      return {};
    }
    const int n_kinds = p.mixing.n_in / width;
    std::vector<T> matrix(int64_t{n_kinds} * padded * padded, T(0));
    for (int k = 0; k < n_kinds; ++k) {
      for (int f = 0; f < width; ++f) {
        for (int n = 0; n < width; ++n) {
          matrix[(int64_t{k} * padded + f) * padded + n] =
              p.mixing.forward[in_panels(k * width + f, n, p.mixing.n_in)];
        }
      }
    }
    return {p.n_max, n_kinds, width, p.normalised, p.epsilon, {device, matrix}};
  }

  DeviceRadial<T> radial(const Radial<T>& r) const {
    return {
        r.cutoff, vector(r.inverse_mu, r.n_sensitivities, r.n_sensitivities),
        vector(r.sigma, r.n_sensitivities, r.n_sensitivities),
        Array<int16_t>(device, std::vector<int16_t>(r.first, r.first + window_bins)),
        Array<int16_t>(device, std::vector<int16_t>(r.count, r.count + window_bins))};
  }

  DeviceBlock<T> block(const BlockWeights<T>& w, int n_components, bool first) const {
    const int n_in = first ? w.n_in : padded(w.n_in);
    const int n_middle = padded(w.n_middle), n_out = padded(w.n_out);
    const int n_sensitivities = (w.radial.n_sensitivities + 3) / 4 * 4;
    const int real_bytes = static_cast<int>(sizeof(T));
    const int max_window = *std::max_element(w.radial.count, w.radial.count + window_bins);
    DeviceBlock<T> b{};
    b.wide.constants = {
        real_bytes == 8,
        n_components,
        n_sensitivities,
        n_middle,
        lane_features(n_middle, n_sensitivities, real_bytes),
        std::max(1, max_window)};
    b.narrow.constants = b.wide.constants;
    b.narrow.constants.lane_features = 1;
    b.n_in = n_in;
    b.n_middle = n_middle;
    b.n_out = n_out;
    b.residual = w.residual;
    b.cusp_regularisation = w.cusp_regularisation;
    b.readout_bias = w.readout_bias;
    b.radial = radial(w.radial);
    if (first) {
      factor_tables(b, w);
    }
    if (!first) {
      add_projections(b.wide, w, n_in);
    }
    if (b.wide.constants.lane_features == b.narrow.constants.lane_features) {
      b.narrow = b.wide; // the same arrays
    } else if (!first) {
      add_projections(b.narrow, w, n_in);
    }
    for (int l = 1; l <= order_of(n_components); ++l) {
      b.scales[l - 1] = vector(w.scales.of[l - 1], w.n_middle, n_middle);
    }
    b.polynomials = polynomials(w.polynomials, w.n_middle, n_middle);
    b.readout = vector(w.readout_weights, w.n_out, n_out);
    b.self_interaction = dense(w.self_interaction, n_in, n_middle);
    b.outer = dense(w.outer, n_middle, n_out);
    b.adjust = dense(w.adjust, n_in, n_out);
    if (first && w.residual && !b.adjust) {
      b.adjust = identity(n_in, n_out);
    }
    for (int layer = 0; layer < w.n_atom_layers; ++layer) {
      b.inner.push_back(dense(w.onsite[layer].inner, n_out, n_middle));
      b.outers.push_back(dense(w.onsite[layer].outer, n_middle, n_out));
    }
    b.layers = layers(b);
    return b;
  }
};

} // namespace

template <class T>
DeviceWeights<T>::DeviceWeights(Device& device, const NetworkWeights<T>& host)
    : n_components(host.n_components()), n_species(host.blocks.front().n_in),
      reach(host.repulsion.reach), repulsion(device, host.repulsion.terms) {
  const Builder<T> builder{device};
  for (const BlockWeights<T>& block : host.blocks) {
    blocks.push_back(builder.block(block, n_components, blocks.empty()));
  }
}

template struct DeviceWeights<float>;
template struct DeviceWeights<double>;

} // namespace cuda
} // namespace hipnn_ts
