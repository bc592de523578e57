// SPDX-License-Identifier: BSD-3-Clause
//
// A program: gradients of one pair's moments, by the emulated kernel, against sums written out. The
// test compiles it with as many components as it asks for.
#include "kernels/moments.cuh"

using namespace hipnn_ts::cuda;

int main() {
  constexpr int window = 21, n_features = 40;
  double y[C], s[window], p[window * n_features], g[C * n_features];
  double of_y[C], of_s[window], expected_y[C] = {}, expected_s[window] = {};
  int n = 0;
  const auto fill = [&n](auto& values) {
    for (double& value : values) {
      value = std::sin(++n);
    }
  };
  fill(y);
  fill(s);
  fill(p);
  fill(g);
  for (int c = 0; c < C; ++c) {
    for (int w = 0; w < window; ++w) {
      for (int f = 0; f < n_features; ++f) {
        expected_y[c] += s[w] * p[w * n_features + f] * g[c * n_features + f];
        expected_s[w] += y[c] * p[w * n_features + f] * g[c * n_features + f];
      }
    }
  }
  const long long begin[2] = {0, 1};
  const PairRecord record{0, 0, 0, window};
  const double start = 0;
  MomentsArguments<double> x{};
  x.pairs = {begin, &record};
  x.n_sensitivities = x.window = window;
  x.n_features = n_features;
  x.n_chunks = 1;
  x.factors = {y, s, p};
  x.moments = g;
  x.start = &start;
  x.components = of_y;
  x.sensitivities = of_s;
  emulate(emulated_pair_gradients, 1, 1, warp_size, 0, &x);
  bool right = true;
  for (int c = 0; c < C; ++c) {
    right = right && std::fabs(of_y[c] - expected_y[c]) < 1e-12;
  }
  for (int w = 0; w < window; ++w) {
    right = right && std::fabs(of_s[w] - expected_s[w]) < 1e-12;
  }
  return right ? 0 : 1;
}
