// SPDX-License-Identifier: BSD-3-Clause
//
// The on-site operations of a block.
#include <algorithm>

#include "core/cuda/grids.hpp"
#include "core/cuda/network.hpp"

namespace hipnn_ts {
namespace cuda {
namespace {

/// Beyond this many atoms each multiprocessor has several, so rows share what is read of a matrix.
constexpr int64_t few_atoms = 1536;
constexpr int many_rows = 4; // of a warp

template <class T> void launch(Module& module, const char* name, const OnSiteArguments<T>& x) {
  const int n_arrays = x.features && x.adjust ? 3 : 2;
  const auto bytes = [&](int rows) { return onsite_bytes(rows, n_arrays, x.width, sizeof(T)); };
  const bool few = x.n <= few_atoms || bytes(many_rows) > most_shared_bytes;
  const int rows = few ? 1 : many_rows;
  const int64_t of_block = int64_t{onsite_warps} * rows;
  module.launch(
      (std::string(name) + "_" + std::to_string(rows)).c_str(),
      {(x.n + of_block - 1) / of_block, onsite_warps * warp_size, 1, bytes(rows)}, x);
}

} // namespace

template <class T> OnSiteArguments<T> Network<T>::onsite(int k, const Tile& t) const {
  const DeviceBlock<T>& b = weights_->blocks[k];
  OnSiteArguments<T> x{};
  x.n = t.n;
  x.n_in = b.n_in;
  x.n_middle = b.n_middle;
  x.n_out = b.n_out;
  x.n_layers = b.n_layers();
  x.width = std::max({k == 0 ? 0 : b.n_in, b.n_middle, b.n_out});
  x.residual = b.residual;
  x.layers = b.layers.data();
  x.adjust = b.adjust.weights.data();
  x.adjust_transposed = b.adjust.transposed.data();
  x.species = t.species;
  x.features = t.features;
  x.hidden = t.hidden;
  x.slopes = t.slopes;
  x.slope_stride = t.slope_stride;
  x.readout = b.readout.data();
  x.readout_bias = b.readout_bias;
  x.out = t.out;
  x.energies = t.energies;
  x.feature_gradients = t.feature_gradients;
  return x;
}

template <class T> void Network<T>::onsite_forward(int k, const Tile& tile) {
  launch(module(k), "onsite_forward", onsite(k, tile));
}

/// tile.out is the gradient of the block's features if not null, in addition to the readout's.
/// tile.hidden becomes the gradient of the invariants.
template <class T> void Network<T>::onsite_backward(int k, const Tile& tile) {
  launch(module(k), "onsite_backward", onsite(k, tile));
}

template OnSiteArguments<float> Network<float>::onsite(int, const Tile&) const;
template OnSiteArguments<double> Network<double>::onsite(int, const Tile&) const;
template void Network<float>::onsite_forward(int, const Tile&);
template void Network<double>::onsite_forward(int, const Tile&);
template void Network<float>::onsite_backward(int, const Tile&);
template void Network<double>::onsite_backward(int, const Tile&);

} // namespace cuda
} // namespace hipnn_ts
