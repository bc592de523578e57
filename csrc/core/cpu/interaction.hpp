// SPDX-License-Identifier: BSD-3-Clause
//
// One interaction layer for inference, forward by receiver and backward by whichever end owns the
// gradient that must not be shared between threads.
#pragma once

#include "core/cpu/radial.hpp"

namespace hipnn_ts {
namespace HIPNN_TS_ISA {

template <class T>
inline const T*
window_row(const InteractionProblem<T>& x, const Tile<T>& tile, int k, int64_t row) {
  const int64_t v = row * x.radial.n_sensitivities + tile.first[k];
  return x.projections + v * x.n_features;
}

template <class T, int C> void interaction(const InteractionProblem<T>& x, T* moments) {
  const int a = x.n_features;
  const PairGroups& groups = x.by_receiver;
#pragma omp parallel num_threads(x.n_threads)
  {
    Tile<T> tile(x.radial);
    const T* rows[tile_size];
#pragma omp for schedule(dynamic, 8)
    for (int64_t i = 0; i < groups.size; ++i) {
      T* out = moments + i * C * a;
      std::memset(out, 0, sizeof(T) * C * a);
      for (int64_t begin = groups.offsets[i]; begin < groups.offsets[i + 1]; begin += tile_size) {
        const int64_t left = groups.offsets[i + 1] - begin;
        const int32_t* pairs = groups.pairs + begin;
        prepare<T, C>(
            tile, x.radial, x.vectors, pairs,
            static_cast<int>(left < tile_size ? left : tile_size));
        for (int k = 0; k < tile.size; ++k) {
          rows[k] = window_row(x, tile, k, x.rows[pairs[k]]);
        }
        for_chunks<T>(a, [&](auto width, int feature) {
          using F = Chunk<T, decltype(width)::value>;
          F sum[C];
          for (int c = 0; c < C; ++c) {
            sum[c] = F::load(out + c * a + feature);
          }
          for (int k = 0; k < tile.size; ++k) {
            const T* s = tile.sensitivities + k * tile.window;
            const T* row = rows[k] + feature;
            F m = F::zero();
            for (int w = 0; w < tile.count[k]; ++w) {
              m.add(s[w], F::load(row + w * a));
            }
            for (int c = 0; c < C; ++c) {
              sum[c].add(tile.components[k][c], m);
            }
          }
          for (int c = 0; c < C; ++c) {
            sum[c].store(out + c * a + feature);
          }
        });
      }
    }
  }
}

/// Pair k of the tile: dE:G/dr_p into `gradient` (3,), and dE:G/dP into the sender's window rows.
/// `next` is where the next pair will read G.
template <class T, int C, bool with_projections>
inline __attribute__((always_inline)) void pair_backward(
    const Tile<T>& tile, int k, const T* row, const T* G, const T* next, T* row_gradient, int a,
    T* gradient) {
  const T* s = tile.sensitivities + k * tile.window;
  const T* slope = tile.slopes + k * tile.window;
  const T* y = tile.components[k];
  const int count = tile.count[k];
  const T ux = tile.direction[0][k], uy = tile.direction[1][k], uz = tile.direction[2][k];
  T radial = 0, gx = 0, gy = 0, gz = 0;
  // One vector at a time: nine gradients, their sums and the messages fill the registers.
  constexpr int widest = max_lanes<T>;
  using Wide = Chunk<T, widest>;
  Wide radial_sum = Wide::zero(), x_sum = Wide::zero(), y_sum = Wide::zero(), z_sum = Wide::zero();
  for_chunks<T, widest>(a, [&](auto width, int feature) {
    using F = Chunk<T, decltype(width)::value>;
    F g[C];
    for (int c = 0; c < C; ++c) {
      g[c] = F::load(G + c * a + feature);
      if constexpr (with_projections) {
        __builtin_prefetch(next + c * a + feature);
      }
    }
    F d = g[0];
    for (int c = 1; c < C; ++c) {
      d.add(y[c], g[c]);
    }
    F m = F::zero();
    F m_slope = F::zero();
    for (int w = 0; w < count; ++w) {
      const F p = F::load(row + w * a + feature);
      m.add(s[w], p);
      m_slope.add(slope[w], p);
      if constexpr (with_projections) {
        T* target = row_gradient + w * a + feature;
        F sum = F::load(target);
        sum.add(s[w], d);
        sum.store(target);
      }
    }
    F fx = F::zero(), fy = F::zero(), fz = F::zero();
    if constexpr (C >= 4) {
      fx = g[1];
      fy = g[2];
      fz = g[3];
    }
    if constexpr (C >= 9) {
      fx.add(2 * ux, g[4]);
      fx.add(uy, g[5]);
      fx.add(uz, g[6]);
      fy.add(ux, g[5]);
      fy.add(2 * uy, g[7]);
      fy.add(uz, g[8]);
      fz.add(ux, g[6]);
      fz.add(uy, g[8]);
    }
    if constexpr (std::is_same_v<F, Wide>) {
      radial_sum.add(d, m_slope);
      if constexpr (C >= 4) {
        x_sum.add(m, fx);
        y_sum.add(m, fy);
        z_sum.add(m, fz);
      }
    } else {
      F product = F::zero();
      product.add(d, m_slope);
      radial += product.sum();
      if constexpr (C >= 4) {
        F px = F::zero(), py = F::zero(), pz = F::zero();
        px.add(m, fx);
        py.add(m, fy);
        pz.add(m, fz);
        gx += px.sum();
        gy += py.sum();
        gz += pz.sum();
      }
    }
  });
  radial += radial_sum.sum();
  gx += x_sum.sum();
  gy += y_sum.sum();
  gz += z_sum.sum();
  // Only the part across the direction turns it.
  const T along = gx * ux + gy * uy + gz * uz;
  const T inverse = tile.inverse_distance[k];
  gradient[0] += radial * ux + (gx - along * ux) * inverse;
  gradient[1] += radial * uy + (gy - along * uy) * inverse;
  gradient[2] += radial * uz + (gz - along * uz) * inverse;
}

/// Walk the groups of one end; `by_sender` owns rows of the projection gradients.
template <class T, int C, bool by_sender>
void interaction_backward_walk(
    const InteractionProblem<T>& x, const PairGroups& groups, const T* moment_gradients,
    T* vector_gradients, T* projection_gradients) {
  const int a = x.n_features;
  const int64_t row_size = static_cast<int64_t>(x.radial.n_sensitivities) * a;
#pragma omp parallel num_threads(x.n_threads)
  {
    Tile<T> tile(x.radial);
#pragma omp for schedule(dynamic, 8)
    for (int64_t group = 0; group < groups.size; ++group) {
      if constexpr (by_sender) {
        std::memset(projection_gradients + group * row_size, 0, sizeof(T) * row_size);
      }
      const int64_t end = groups.offsets[group + 1];
      for (int64_t begin = groups.offsets[group]; begin < end; begin += tile_size) {
        const int32_t* pairs = groups.pairs + begin;
        const int64_t left = end - begin;
        prepare<T, C>(
            tile, x.radial, x.vectors, pairs,
            static_cast<int>(left < tile_size ? left : tile_size));
        // By sender, pairs and receivers lie scattered: ask for all of the tile's at once.
        const T* G[tile_size + 1];
        for (int k = 0; k < tile.size; ++k) {
          const int64_t p = pairs[k];
          G[k] = moment_gradients + x.receivers[p] * C * a;
          if constexpr (by_sender) {
            __builtin_prefetch(vector_gradients + 3 * p, 1);
          }
        }
        G[tile.size] = G[tile.size - 1];
        for (int k = 0; k < tile.size; ++k) {
          if (tile.count[k] == 0) {
            continue;
          }
          const int64_t p = pairs[k];
          const int64_t row = by_sender ? group : x.rows[p];
          T* row_gradient = nullptr;
          if constexpr (by_sender) {
            row_gradient =
                projection_gradients + row * row_size + tile.first[k] * static_cast<int64_t>(a);
          }
          pair_backward<T, C, by_sender>(
              tile, k, window_row(x, tile, k, row), G[k], G[k + 1], row_gradient, a,
              vector_gradients + 3 * p);
        }
      }
    }
  }
}

template <class T, int C>
void interaction_backward(
    const InteractionProblem<T>& x, const T* moment_gradients, T* vector_gradients,
    T* projection_gradients) {
  if (projection_gradients) {
    interaction_backward_walk<T, C, true>(
        x, x.by_sender, moment_gradients, vector_gradients, projection_gradients);
  } else {
    interaction_backward_walk<T, C, false>(
        x, x.by_receiver, moment_gradients, vector_gradients, nullptr);
  }
}

} // namespace HIPNN_TS_ISA
} // namespace hipnn_ts
