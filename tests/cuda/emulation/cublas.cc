// SPDX-License-Identifier: BSD-3-Clause
//
// Products by cuBLAS against sums: 0 where all are equal.
#include "core/cuda/cublas.hpp"

#include <cstdio>
#include <vector>

namespace {

using namespace hipnn_ts::cuda;

template <class T> std::vector<T> numbers(int64_t n, int seed) {
  std::vector<T> out(n);
  for (int64_t k = 0; k < n; ++k) {
    out[k] = static_cast<T>((k * 37 + seed * 11) % 19 - 9); // sums are exact
  }
  return out;
}

template <class T> int differences(const Cublas& cublas, Stream stream) {
  const int64_t m = 5, n = 3, k = 4;
  int wrong = 0;
  for (const bool transposed : {false, true}) {
    for (const bool accumulate : {false, true}) {
      const auto x = numbers<T>(m * k, 1), w = numbers<T>(k * n, 2);
      auto found = numbers<T>(m * n, 3), expected = found;
      for (int64_t i = 0; i < m; ++i) {
        for (int64_t j = 0; j < n; ++j) {
          T sum = accumulate ? expected[i * n + j] : T(0);
          for (int64_t l = 0; l < k; ++l) {
            sum += x[i * k + l] * (transposed ? w[j * k + l] : w[l * n + j]);
          }
          expected[i * n + j] = sum;
        }
      }
      cublas.multiply(
          Product<T>{m, n, k, x.data(), w.data(), found.data(), transposed, accumulate}, stream);
      wrong += found == expected ? 0 : 1;
    }
  }
  return wrong;
}

} // namespace

int main() {
  const Driver& driver = Driver::get();
  driver.use(driver.primary_context(0));
  const Stream stream = driver.create_stream();
  const Cublas cublas({}, 12);
  const int wrong = differences<float>(cublas, stream) + differences<double>(cublas, stream);
  std::printf("%d of 8 products differ\n", wrong);
  return wrong == 0 ? 0 : 1;
}
