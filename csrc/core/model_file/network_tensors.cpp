// SPDX-License-Identifier: BSD-3-Clause
#include "core/model_file/network_tensors.hpp"

#include <algorithm>
#include <cmath>
#include <type_traits>

#include "core/model_file/file_error.hpp"
#include "core/panels.hpp"
#include "core/polynomial_terms.hpp"

namespace hipnn_ts {
namespace {

constexpr int64_t window_padding = 8; // sensitivities are evaluated in groups of eight

/// Tensors with a common prefix.
template <class T> class Group {
public:
  Group(TensorSource& tensors, std::string name) : tensors_(tensors), name_(std::move(name)) {}

  Group operator/(const std::string& name) const { return {tensors_, name_ + "." + name}; }

  /// Numbers in the network's precision, all finite.
  const T* real(const std::string& name, const Shape& shape) const {
    constexpr auto type = std::is_same_v<T, double> ? ElementType::float64 : ElementType::float32;
    return finite(name_ + "." + name, type, shape);
  }

  const T* finite(const std::string& name, ElementType type, const Shape& shape) const {
    const auto* values = static_cast<const T*>(tensors_.take(name, type, shape));
    const auto n = static_cast<int64_t>(size_of(type, shape) / sizeof(T));
    for (int64_t k = 0; k < n; ++k) {
      if (!std::isfinite(values[k])) {
        throw FileError(name + ": expected finite numbers, found some that are not");
      }
    }
    return values;
  }

  const int16_t* index(const std::string& name, const Shape& shape) const {
    return static_cast<const int16_t*>(
        tensors_.take(name_ + "." + name, ElementType::int16, shape));
  }

  Linear<T> linear(int n_in, int n_out, bool present, bool biased) const {
    Linear<T> layer{n_in, n_out, nullptr, nullptr, nullptr};
    if (present) {
      layer.forward = real("forward", {n_panels(n_out), n_in, panel_width});
      layer.backward = real("backward", {n_panels(n_in), n_out, panel_width});
      layer.bias = biased ? real("bias", {n_out}) : nullptr;
    }
    return layer;
  }

  const std::string& name() const { return name_; }

private:
  TensorSource& tensors_;
  std::string name_;
};

template <class T> Radial<T> radial(const Architecture& network, const Group<T>& tensors) {
  const int n = network.n_sensitivities;
  Radial<T> out{};
  out.n_sensitivities = n;
  out.cutoff = static_cast<T>(network.cutoff);
  out.inverse_mu = tensors.real("inverse_mu", {n + window_padding});
  out.sigma = tensors.real("sigma", {n + window_padding});
  out.first = tensors.index("window_first", {window_bins});
  out.count = tensors.index("window_count", {window_bins});
  // Values out of range would cause reads beyond the sensitivities.
  for (int bin = 0; bin < window_bins; ++bin) {
    if (out.first[bin] < 0 || out.count[bin] < 0 || out.first[bin] + out.count[bin] > n) {
      throw FileError(
          tensors.name() + ": the sensitivity window of bin " + std::to_string(bin) +
          " leaves the " + std::to_string(n) + " sensitivities");
    }
  }
  return out;
}

template <class T>
BlockWeights<T> block_of(
    const Architecture& network, int k, const Group<T>& tensors,
    std::vector<OnSiteWeights<T>>& onsite) {
  BlockWeights<T> b{};
  b.n_in = network.n_in(k);
  b.n_middle = network.n_middle_features[k];
  b.n_out = network.n_features[k];
  b.n_atom_layers = network.n_atom_layers;
  b.residual = network.residual;
  b.cusp_regularisation = static_cast<T>(network.cusp_regularisation);
  const Group<T> interaction = tensors / "interaction";
  b.radial = radial(network, interaction);
  for (int l = 1; network.n_max == 0 && l <= network.l_max; ++l) {
    b.scales.of[l - 1] = (interaction / "scales").real(std::to_string(l), {b.n_middle});
  }
  if (network.n_max > 0) {
    const int n_kinds = n_polynomials(network.l_max, network.n_max);
    b.polynomials = {
        network.n_max, network.normalised, static_cast<T>(network.normalisation_epsilon),
        (interaction / "polynomials.mixing").linear(n_kinds * b.n_middle, b.n_middle, true, false)};
  }
  const int n_projections = network.n_sensitivities * b.n_middle;
  if (k == 0) {
    b.table = interaction.real("table", {b.n_in, network.n_sensitivities, b.n_middle});
  } else {
    b.projection = (interaction / "projection").linear(b.n_in, n_projections, true, false);
  }
  b.self_interaction = (interaction / "self_interaction").linear(b.n_in, b.n_middle, true, true);
  b.outer = (tensors / "outer").linear(b.n_middle, b.n_out, b.residual, true);
  b.adjust = (tensors / "adjust").linear(b.n_in, b.n_out, b.residual && b.n_in != b.n_out, false);
  for (int layer = 0; layer < b.n_atom_layers; ++layer) {
    const Group<T> of_layer = tensors / "on_site" / std::to_string(layer);
    const auto inner = (of_layer / "inner").linear(b.n_out, b.n_middle, true, true);
    onsite.push_back({inner, (of_layer / "outer").linear(b.n_middle, b.n_out, b.residual, true)});
  }
  b.onsite = onsite.data();
  b.readout_weights = (tensors / "readout").real("weights", {b.n_out});
  b.readout_bias = *(tensors / "readout").real("bias", {1});
  return b;
}

/// The rows of L, lower triangular, times a scale, as panels of its transpose.
template <class T> void unpack_whitening(const T* rows, int64_t n, T scale, T* panels) {
  std::fill_n(panels, panels_size(n, n), T(0));
  for (int64_t row = 0; row < n; ++row) {
    for (int64_t column = 0; column <= row; ++column) {
      panels[in_panels(column, row, n)] = scale * *rows++;
    }
  }
}

template <class T>
UncertaintyWeights<T>
uncertainty(const Architecture& network, const Group<T>& tensors, Buffer<T>& whitening) {
  UncertaintyWeights<T> out;
  const int64_t n = network.n_all_features(), n_species = network.n_species();
  out.n_features = static_cast<int>(n);
  out.means = tensors.real("means", {n_species, n});
  const T* rows = tensors.real("whitening", {n_species, n * (n + 1) / 2});
  const T* scales = tensors.real("scale", {n_species});
  T* panels = whitening.resize(n_species * panels_size(n, n));
  for (int64_t s = 0; s < n_species; ++s) {
    if (!(scales[s] > 0)) {
      throw FileError(tensors.name() + ".scale: expected numbers above 0, found others");
    }
    unpack_whitening(rows + s * (n * (n + 1) / 2), n, scales[s], panels + s * panels_size(n, n));
  }
  out.whitening = panels;
  return out;
}

} // namespace

template <class T>
BoundNetwork<T> bind_network(const Architecture& network, TensorSource& tensors) {
  BoundNetwork<T> out;
  out.self_energies = Group<double>(tensors, "")
                          .finite("self_energies", ElementType::float64, {network.n_species()});
  out.weights.l_max = network.l_max;
  out.onsite.resize(network.n_blocks());
  for (int k = 0; k < network.n_blocks(); ++k) {
    const Group<T> of_block(tensors, "blocks." + std::to_string(k));
    out.weights.blocks.push_back(block_of(network, k, of_block, out.onsite[k]));
  }
  if (!network.zbl.empty()) {
    std::vector<double> charges;
    for (const std::string& symbol : network.elements) {
      charges.push_back(atomic_number(symbol));
    }
    out.weights.repulsion = repulsion_of(network.zbl, charges);
  }
  if (network.uncertain) {
    const Group<T> own(tensors, "uncertainty");
    out.weights.uncertainty = uncertainty(network, own, out.whitening);
  }
  return out;
}

template BoundNetwork<float> bind_network(const Architecture&, TensorSource&);
template BoundNetwork<double> bind_network(const Architecture&, TensorSource&);

} // namespace hipnn_ts
