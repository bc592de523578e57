// SPDX-License-Identifier: BSD-3-Clause
//
// The on-site operations of a block, for R atoms of each of a block's warps at once.
#pragma once

#include "onsite_tile.cuh"

namespace hipnn_ts {
namespace cuda {

/// A product of the tile's rows with a matrix.
struct OnSiteStep {
  Rows from;
  int depth;
  const Real* matrix;
  int width;
};

/// Activates value + bias of a layer: the values stay, the slopes go to global memory.
template <int R>
__device__ inline void activate(
    const OnSiteTile<R>& t, const OnSiteArguments<Real>& x, int layer, int row, int column,
    Reals<4> value) {
  value.add(1, Reals<4>::fetch(x.layers[layer].inner_bias + column));
  Reals<4> out;
  for (int k = 0; k < 4; ++k) {
    out.v[k] = softplus(value.v[k]);
  }
  out.store(t.hidden.at(row, column));
  t.write(x, value, x.slopes + layer * x.slope_stride, x.n_middle, row, column);
}

/// The input of the first product: the features, or in the first block their tables' part of the
/// first layer.
template <int R>
__device__ inline void begin_forward(const OnSiteTile<R>& t, const OnSiteArguments<Real>& x) {
  if (x.features) {
    const Rows& features = x.adjust ? t.wide : t.stream;
    for_pieces<R>(x.n_in, [&](int row, int column) {
      t.read(x, x.features, x.n_in, row, column).store(features.at(row, column));
    });
    return;
  }
  for_pieces<R>(x.n_middle, [&](int row, int column) {
    Reals<4> value = t.read(x, x.hidden, x.n_middle, row, column);
    value.add(1, t.from_table(x, x.layers[0].inner, x.n_middle, row, column));
    activate(t, x, 0, row, column, value);
  });
  if (x.residual) {
    for_pieces<R>(x.n_out, [&](int row, int column) {
      t.from_table(x, x.adjust, x.n_out, row, column).store(t.stream.at(row, column));
    });
  }
}

template <int R>
__device__ inline void end_forward(const OnSiteTile<R>& t, const OnSiteArguments<Real>& x) {
  for (int r = 0; r < R; ++r) {
    const int row = warp() * R + r;
    Real sum = 0;
    for (int column = 4 * lane(); column < x.n_out; column += onsite_columns) {
      const Reals<4> value = Reals<4>::load(t.stream.at(row, column));
      sum += value.dot(Reals<4>::fetch(x.readout + column));
      if (x.out) {
        t.write(x, value, x.out, x.n_out, row, column);
      }
    }
    sum = warp_sum(sum);
    if (lane() == 0 && t.exists(x, row)) {
      x.energies[t.first + row] += static_cast<double>(x.readout_bias + sum);
    }
  }
}

/// Steps 0 and 1 bring the features to the first layer and to the stream, 2 l + 2 is the outer
/// matrix of layer l, 2 l + 1 the inner one. The code has one product for all of them: with
/// several, warps with few atoms would wait for instructions.
template <int R>
__device__ inline void onsite_forward(const OnSiteArguments<Real>& x, unsigned char* shared) {
  const OnSiteTile<R> t(shared, x);
  begin_forward(t, x);
  for (int step = x.features ? 0 : 2; step <= 2 * x.n_layers; ++step) {
    const bool outer = step > 1 && step % 2 == 0;
    if (step == 1 && !(x.features && x.adjust)) {
      continue;
    }
    if (outer && !x.residual) {
      for_pieces<R>(x.n_out, [&](int row, int column) {
        Reals<4>::load(t.hidden.at(row, column)).store(t.stream.at(row, column));
      });
      continue;
    }
    const OnSiteLayer<Real>& layer = x.layers[outer ? step / 2 - 1 : step / 2];
    const OnSiteStep next =
        outer       ? OnSiteStep{t.hidden, x.n_middle, layer.outer, x.n_out}
        : step == 0 ? OnSiteStep{x.adjust ? t.wide : t.stream, x.n_in, layer.inner, x.n_middle}
        : step == 1 ? OnSiteStep{t.wide, x.n_in, x.adjust, x.n_out}
                    : OnSiteStep{t.stream, x.n_out, layer.inner, x.n_middle};
    product<R>(
        next.from, next.depth, next.matrix, next.width, t.work,
        [&](int row, int column, Reals<4> value) {
          if (outer) {
            value.add(1, Reals<4>::fetch(layer.outer_bias + column));
            add_to(value, t.stream.at(row, column));
          } else if (step == 1) {
            value.store(t.stream.at(row, column));
          } else {
            if (step == 0) {
              value.add(1, t.read(x, x.hidden, x.n_middle, row, column));
            }
            activate(t, x, step / 2, row, column, value);
          }
        });
  }
  end_forward(t, x);
}

/// The same steps in reverse.
template <int R>
__device__ inline void onsite_backward(const OnSiteArguments<Real>& x, unsigned char* shared) {
  const OnSiteTile<R> t(shared, x);
  for_pieces<R>(x.n_out, [&](int row, int column) {
    Reals<4> value = Reals<4>::fetch(x.readout + column);
    if (x.out) {
      value.add(1, t.read(x, x.out, x.n_out, row, column));
    }
    value.store(t.stream.at(row, column));
  });
  const auto through_slope = [&](int layer, int row, int column, Reals<4> value) {
    const Reals<4> slope = t.read(x, x.slopes + layer * x.slope_stride, x.n_middle, row, column);
    for (int k = 0; k < 4; ++k) {
      value.v[k] *= slope.v[k];
    }
    value.store(t.hidden.at(row, column));
    if (layer == 0) {
      t.write(x, value, x.hidden, x.n_middle, row, column);
    }
  };
  for (int step = 2 * x.n_layers; step >= (x.feature_gradients ? 0 : 2); --step) {
    const bool outer = step > 1 && step % 2 == 0;
    const int layer = outer ? step / 2 - 1 : step / 2;
    if (step == 1 && !x.adjust) {
      continue;
    }
    if (outer && !x.residual) {
      for_pieces<R>(x.n_middle, [&](int row, int column) {
        through_slope(layer, row, column, Reals<4>::load(t.stream.at(row, column)));
      });
      continue;
    }
    const OnSiteLayer<Real>& own = x.layers[layer];
    const OnSiteStep next =
        outer       ? OnSiteStep{t.stream, x.n_out, own.outer_transposed, x.n_middle}
        : step == 0 ? OnSiteStep{t.hidden, x.n_middle, own.inner_transposed, x.n_in}
        : step == 1 ? OnSiteStep{t.stream, x.n_out, x.adjust_transposed, x.n_in}
                    : OnSiteStep{t.hidden, x.n_middle, own.inner_transposed, x.n_out};
    product<R>(
        next.from, next.depth, next.matrix, next.width, t.work,
        [&](int row, int column, Reals<4> value) {
          if (outer) {
            through_slope(layer, row, column, value);
          } else if (step > 1) {
            if (x.residual) {
              value.add(1, Reals<4>::load(t.stream.at(row, column)));
            }
            value.store(t.stream.at(row, column));
          } else {
            if (step == 0 && x.adjust) {
              value.add(1, t.read_back(x, x.feature_gradients, x.n_in, row, column));
            } else if (step == 0 && x.residual) {
              value.add(1, Reals<4>::load(t.stream.at(row, column)));
            }
            t.write(x, value, x.feature_gradients, x.n_in, row, column);
          }
        });
  }
}

// Selected by the number of rows of a warp.
KERNEL(onsite_forward_1, OnSiteArguments<Real>) {
  DYNAMIC_SHARED(shared);
  onsite_forward<1>(x, shared);
}
KERNEL(onsite_forward_4, OnSiteArguments<Real>) {
  DYNAMIC_SHARED(shared);
  onsite_forward<4>(x, shared);
}
KERNEL(onsite_backward_1, OnSiteArguments<Real>) {
  DYNAMIC_SHARED(shared);
  onsite_backward<1>(x, shared);
}
KERNEL(onsite_backward_4, OnSiteArguments<Real>) {
  DYNAMIC_SHARED(shared);
  onsite_backward<4>(x, shared);
}

} // namespace cuda
} // namespace hipnn_ts
