// SPDX-License-Identifier: BSD-3-Clause
#include "torch/packed.hpp"

#include <algorithm>
#include <cmath>
#include <type_traits>

namespace hipnn_ts {
namespace {

constexpr int orders_in_file = 2;     // whose scales a file of format 1 always has, perhaps empty
constexpr int64_t window_padding = 8; // sensitivities are evaluated in groups of eight

int64_t panels(int64_t n) {
  return (n + panel_width - 1) / panel_width;
}

/// Takes the tensors one after the other and checks each against what is due.
template <class T> class Reader {
public:
  Reader(at::TensorList weights, std::vector<at::Tensor>& owners)
      : weights_(weights), owners_(owners) {}

  template <class Value = T> const Value* take(std::initializer_list<int64_t> shape) {
    TORCH_CHECK(next_ < weights_.size(), "packed weights: expected more than ", next_, " tensors");
    const at::Tensor& t = weights_[next_];
    const at::IntArrayRef expected(shape);
    TORCH_CHECK(
        t.device().is_cpu() && t.scalar_type() == c10::CppTypeToScalarType<Value>::value &&
            t.is_contiguous() && t.sizes() == expected,
        "packed weight ", next_, ": expected contiguous ", c10::CppTypeToScalarType<Value>::value,
        " of shape ", expected, " on the CPU, found ", t.scalar_type(), " of shape ", t.sizes(),
        " on ", t.device());
    ++next_;
    owners_.push_back(t);
    return t.numel() ? t.const_data_ptr<Value>() : nullptr;
  }

  Linear<T> linear(int n_in, int n_out, bool present, bool biased) {
    Linear<T> layer{n_in, n_out, nullptr, nullptr, nullptr};
    if (present) {
      layer.forward = take({panels(n_out), n_in, panel_width});
      layer.backward = take({panels(n_in), n_out, panel_width});
      if (biased) {
        layer.bias = take({n_out});
      }
    }
    return layer;
  }

  void finish() const {
    TORCH_CHECK(
        next_ == weights_.size(), "packed weights: expected ", next_, " tensors, found ",
        weights_.size());
  }

private:
  at::TensorList weights_;
  std::vector<at::Tensor>& owners_;
  size_t next_ = 0;
};

/// Window tables are indices: values out of range would read beyond the sensitivities.
template <class T> void check_windows(const Radial<T>& radial) {
  for (int bin = 0; bin < window_bins; ++bin) {
    TORCH_CHECK(
        radial.first[bin] >= 0 && radial.count[bin] >= 0 &&
            radial.first[bin] + radial.count[bin] <= radial.n_sensitivities,
        "packed weights: the sensitivity window of bin ", bin, " leaves the ",
        radial.n_sensitivities, " sensitivities");
  }
}

/// Of the scalars behind the first two: inner and outer radius, then nuclear charges.
Repulsion unpack_repulsion(at::ArrayRef<double> scalars, int64_t n_species) {
  const auto n = static_cast<int64_t>(scalars.size());
  if (n == 2) {
    return {};
  }
  TORCH_CHECK(
      n == 4 + n_species, "packed weights: expected 2 scalars or, with a repulsion, ",
      4 + n_species, ", found ", n);
  const double inner = scalars[2], outer = scalars[3];
  TORCH_CHECK(
      inner < outer && outer <= scalars[0],
      "packed weights: expected inner < outer <= cutoff of the repulsion, found ", inner, ", ",
      outer, ", ", scalars[0]);
  const std::vector<double> charges = scalars.slice(4).vec();
  for (const double charge : charges) {
    TORCH_CHECK(
        charge >= 1 && charge <= 118,
        "packed weights: expected a nuclear charge from 1 to 118, found ", charge);
  }
  return repulsion_of(inner, outer, charges);
}

} // namespace

template <class T>
std::unique_ptr<PackedNetwork<T>>
unpack(at::TensorList weights, at::IntArrayRef sizes, at::ArrayRef<double> scalars) {
  TORCH_CHECK(
      sizes.size() >= 7 && (sizes.size() - 4) % 3 == 0 && scalars.size() >= 2,
      "packed weights: expected 4 + 3 n sizes and 2 or more scalars, found ", sizes.size(), " and ",
      scalars.size());
  for (const double scalar : scalars) {
    TORCH_CHECK(
        std::isfinite(scalar) && scalar > 0,
        "packed weights: expected positive finite scalars, found ", scalar);
  }
  TORCH_CHECK(
      sizes[0] >= 0 && sizes[0] <= max_order, "l_max: expected 0 to ", max_order, ", found ",
      sizes[0]);
  for (const int64_t size : sizes) {
    TORCH_CHECK(size >= 0 && size < (1 << 20), "packed weights: found the size ", size);
  }
  auto network = std::make_unique<PackedNetwork<T>>();
  NetworkWeights<T>& w = network->weights;
  w.l_max = static_cast<int>(sizes[0]);
  const int n_sensitivities = static_cast<int>(sizes[1]);
  const int n_atom_layers = static_cast<int>(sizes[2]);
  const bool residual = sizes[3] != 0;
  const size_t n_blocks = (sizes.size() - 4) / 3;
  Reader<T> reader(weights, network->owners);
  network->onsite.resize(n_blocks);
  for (size_t k = 0; k < n_blocks; ++k) {
    BlockWeights<T> b{};
    b.n_in = static_cast<int>(sizes[4 + 3 * k]);
    b.n_middle = static_cast<int>(sizes[5 + 3 * k]);
    b.n_out = static_cast<int>(sizes[6 + 3 * k]);
    TORCH_CHECK(
        b.n_in > 0 && b.n_middle > 0 && b.n_out > 0 && n_sensitivities > 0 &&
            (k == 0 || b.n_in == w.blocks.back().n_out) && (residual || b.n_middle == b.n_out),
        "packed weights: the widths of block ", k, " do not fit");
    b.n_atom_layers = n_atom_layers;
    b.residual = residual;
    b.cusp_regularisation = static_cast<T>(scalars[1]);
    b.radial.n_sensitivities = n_sensitivities;
    b.radial.cutoff = static_cast<T>(scalars[0]);
    b.radial.inverse_mu = reader.take({n_sensitivities + window_padding});
    b.radial.sigma = reader.take({n_sensitivities + window_padding});
    b.radial.first = reader.template take<int16_t>({window_bins});
    b.radial.count = reader.template take<int16_t>({window_bins});
    check_windows(b.radial);
    for (int l = 1; l <= std::max(orders_in_file, w.l_max); ++l) {
      b.scales.of[l - 1] = reader.take({w.l_max >= l ? b.n_middle : 0});
    }
    if (k == 0) {
      b.table = reader.take({b.n_in, n_sensitivities, b.n_middle});
    } else {
      b.projection = reader.linear(b.n_in, n_sensitivities * b.n_middle, true, false);
    }
    b.self_interaction = reader.linear(b.n_in, b.n_middle, true, true);
    b.outer = reader.linear(b.n_middle, b.n_out, residual, true);
    b.adjust = reader.linear(b.n_in, b.n_out, residual && b.n_in != b.n_out, false);
    for (int layer = 0; layer < n_atom_layers; ++layer) {
      const auto inner = reader.linear(b.n_out, b.n_middle, true, true);
      network->onsite[k].push_back({inner, reader.linear(b.n_middle, b.n_out, residual, true)});
    }
    b.onsite = network->onsite[k].data();
    b.readout_weights = reader.take({b.n_out});
    b.readout_bias = *reader.take({1});
    w.blocks.push_back(b);
  }
  reader.finish();
  w.repulsion = unpack_repulsion(scalars, sizes[4]);
  return network;
}

template std::unique_ptr<PackedNetwork<float>>
    unpack<float>(at::TensorList, at::IntArrayRef, at::ArrayRef<double>);
template std::unique_ptr<PackedNetwork<double>>
    unpack<double>(at::TensorList, at::IntArrayRef, at::ArrayRef<double>);

} // namespace hipnn_ts
