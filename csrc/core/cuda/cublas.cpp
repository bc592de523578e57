// SPDX-License-Identifier: BSD-3-Clause
#include "core/cuda/cublas.hpp"

#include <stdexcept>
#include <type_traits>

namespace hipnn_ts {
namespace cuda {
namespace {

constexpr int as_it_is = 0, transposed = 1; // cublasOperation_t

} // namespace

Cublas::Cublas(const std::vector<std::string>& folders, int newest)
    : library_(
          library_names("libcublas", folders, newest),
          missing_library("libcublas", "nvidia-cublas", newest)),
      set_stream_(library_.find<int(Handle, Stream)>("cublasSetStream_v2")),
      single_(library_.find<Gemm<float>>("cublasSgemm_v2")),
      double_(library_.find<Gemm<double>>("cublasDgemm_v2")) {
  check(library_.find<int(Handle*)>("cublasCreate_v2")(&handle_), "start");
}

void Cublas::check(int result, const char* doing) const {
  if (result != 0) {
    throw std::runtime_error(
        std::string("cuBLAS: ") + doing + ": status " + std::to_string(result));
  }
}

template <class T> Cublas::Gemm<T>* Cublas::gemm() const {
  if constexpr (std::is_same_v<T, double>) {
    return double_;
  } else {
    return single_;
  }
}

/// cuBLAS is column-major, so it sees the transposes of our matrices. We request yᵀ (n, m) = wᵀ (n,
/// k) xᵀ (k, m), where cuBLAS sees wᵀ as (k, n), to be transposed, if ours is (n, k). A leading
/// dimension is the length of our rows.
template <class T> void Cublas::multiply(const Product<T>& p, Stream stream) const {
  if (p.m == 0 || p.n == 0) {
    return;
  }
  const auto size = [](int64_t n) { return static_cast<int>(n); };
  const T one = 1, kept = p.accumulate ? T(1) : T(0);
  check(set_stream_(handle_, stream), "stream");
  check(
      gemm<T>()(
          handle_, p.transposed ? transposed : as_it_is, as_it_is, size(p.n), size(p.m), size(p.k),
          &one, p.w, size(p.transposed ? p.k : p.n), p.x, size(p.k), &kept, p.y, size(p.n)),
      "product");
}

template void Cublas::multiply(const Product<float>&, Stream) const;
template void Cublas::multiply(const Product<double>&, Stream) const;

} // namespace cuda
} // namespace hipnn_ts
