// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "core/cuda/device.hpp"
#include "core/cuda/driver.hpp"

namespace hipnn_ts {
namespace cuda {

/// cuBLAS, opened at run time, for this thread's context: full precision, no TF32.
class Cublas {
public:
  /// Throws std::runtime_error if it, of a CUDA no newer than `newest`, is not found.
  Cublas(const std::vector<std::string>& folders, int newest);

  template <class T> void multiply(const Product<T>& product, Stream stream) const;

private:
  using Handle = struct CublasHandle*;
  template <class T>
  using Gemm = int(
      Handle, int, int, int, int, int, const T*, const T*, int, const T*, int, const T*, T*, int);

  void check(int result, const char* doing) const;
  template <class T> Gemm<T>* gemm() const;

  Library library_;
  Handle handle_ = nullptr; // kept until the process ends
  int (*set_stream_)(Handle, Stream);
  Gemm<float>* single_;
  Gemm<double>* double_;
};

} // namespace cuda
} // namespace hipnn_ts
