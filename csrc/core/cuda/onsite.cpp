// SPDX-License-Identifier: BSD-3-Clause
//
// What a block does to each atom by itself: dense products with kernels between them.
#include <algorithm>

#include "core/cuda/grids.hpp"
#include "core/cuda/network.hpp"

namespace hipnn_ts {
namespace cuda {

template <class T> void Network<T>::onsite_forward(int k, const Tile& t) {
  const DeviceBlock<T>& b = weights_->blocks[k];
  const auto activate = [&](T* slopes, const DenseLayer<T>& before, const DenseLayer<T>& after,
                            const T* table) {
    module(k).launch(
        "activate", over(t.n * std::max(b.n_middle, b.n_out)),
        ActivateArguments<T>{
            t.n, b.n_middle, b.n_out, t.hidden, slopes, before.bias.data(), table, t.species,
            b.residual ? t.out : nullptr, after.bias.data()});
    if (b.residual) {
      device_->multiply(
          Product<T>{t.n, b.n_out, b.n_middle, t.hidden, after.weights.data(), t.out, false, true});
    } else {
      device_->copy(t.out, t.hidden, bytes_of<T>(t.n * b.n_out));
    }
  };
  if (k == 0 && b.residual) {
    module(k).launch(
        "species_rows", over(t.n * b.n_out),
        SpeciesRowsArguments<T>{t.n, b.n_out, b.adjust.weights.data(), t.species, t.out});
  } else if (b.adjust) {
    device_->multiply(Product<T>{t.n, b.n_out, b.n_in, t.features, b.adjust.weights.data(), t.out});
  } else if (b.residual) {
    device_->copy(t.out, t.features, bytes_of<T>(t.n * b.n_out));
  }
  if (k > 0) {
    device_->multiply(
        Product<T>{
            t.n, b.n_middle, b.n_in, t.features, b.self_interaction.weights.data(), t.hidden, false,
            true});
  }
  activate(
      t.slopes, b.self_interaction, b.outer, k == 0 ? b.self_interaction.weights.data() : nullptr);
  for (size_t layer = 0; layer < b.inner.size(); ++layer) {
    device_->multiply(
        Product<T>{t.n, b.n_middle, b.n_out, t.out, b.inner[layer].weights.data(), t.hidden});
    activate(t.slopes + (layer + 1) * t.slope_stride, b.inner[layer], b.outers[layer], nullptr);
  }
  module(k).launch(
      "readout", warp_each(t.n),
      ReadoutArguments<T>{t.n, b.n_out, t.out, b.readout.data(), b.readout_bias, t.energies});
}

/// t.out: the gradient of the block's features on entry where `accumulate`, else only the
/// readout's; destroyed. t.hidden becomes the gradient of the invariants.
template <class T> void Network<T>::onsite_backward(int k, const Tile& t, bool accumulate) {
  const DeviceBlock<T>& b = weights_->blocks[k];
  module(k).launch(
      "readout_gradient", over(t.n * b.n_out),
      ReadoutGradientArguments<T>{t.n, b.n_out, accumulate, b.readout.data(), t.out});
  const auto through_activation = [&](const T* slopes, const DenseLayer<T>& after) {
    if (b.residual) {
      device_->multiply(
          Product<T>{t.n, b.n_middle, b.n_out, t.out, after.weights.data(), t.hidden, true, false});
    } else {
      device_->copy(t.hidden, t.out, bytes_of<T>(t.n * b.n_middle));
    }
    module(k).launch(
        "multiply", over(t.n * b.n_middle),
        MultiplyArguments<T>{t.n * b.n_middle, t.hidden, slopes});
  };
  for (size_t layer = b.inner.size(); layer-- > 0;) {
    through_activation(t.slopes + (layer + 1) * t.slope_stride, b.outers[layer]);
    device_->multiply(
        Product<T>{
            t.n, b.n_out, b.n_middle, t.hidden, b.inner[layer].weights.data(), t.out, true,
            b.residual});
  }
  through_activation(t.slopes, b.outer);
  if (!t.feature_gradients) {
    return;
  }
  if (b.adjust) {
    device_->multiply(
        Product<T>{
            t.n, b.n_in, b.n_out, t.out, b.adjust.weights.data(), t.feature_gradients, true,
            false});
  } else if (b.residual) {
    device_->copy(t.feature_gradients, t.out, bytes_of<T>(t.n * b.n_in));
  }
  device_->multiply(
      Product<T>{
          t.n, b.n_in, b.n_middle, t.hidden, b.self_interaction.weights.data(), t.feature_gradients,
          true, b.residual});
}

template void Network<float>::onsite_forward(int, const Tile&);
template void Network<double>::onsite_forward(int, const Tile&);
template void Network<float>::onsite_backward(int, const Tile&, bool);
template void Network<double>::onsite_backward(int, const Tile&, bool);

} // namespace cuda
} // namespace hipnn_ts
