// SPDX-License-Identifier: BSD-3-Clause
//
// Values that are consecutive in memory, moved 16 bytes at a time.
#pragma once

namespace hipnn_ts {
namespace cuda {

/// The type that one instruction moves: a struct of the same size would be read value by value.
template <class T, int n> struct PieceOf {
  using Type = T;
};
template <> struct PieceOf<float, 2> {
  using Type = float2;
};
template <> struct PieceOf<float, 4> {
  using Type = float4;
};
template <> struct PieceOf<double, 2> {
  using Type = double2;
};

template <class T> __device__ inline void unpack(const T& piece, T* v) {
  v[0] = piece;
}
template <class Piece, class T> __device__ inline void unpack2(const Piece& piece, T* v) {
  v[0] = piece.x;
  v[1] = piece.y;
}
__device__ inline void unpack(const float2& piece, float* v) {
  unpack2(piece, v);
}
__device__ inline void unpack(const double2& piece, double* v) {
  unpack2(piece, v);
}
__device__ inline void unpack(const float4& piece, float* v) {
  unpack2(piece, v);
  v[2] = piece.z;
  v[3] = piece.w;
}
__device__ inline float pack(const float* v, float) {
  return v[0];
}
__device__ inline double pack(const double* v, double) {
  return v[0];
}
__device__ inline float2 pack(const float* v, float2) {
  return {v[0], v[1]};
}
__device__ inline double2 pack(const double* v, double2) {
  return {v[0], v[1]};
}
__device__ inline float4 pack(const float* v, float4) {
  return {v[0], v[1], v[2], v[3]};
}

/// n consecutive values in registers, read and written 16 bytes at a time.
template <int n> struct Reals {
  static constexpr int most = 16 / sizeof(Real);
  static constexpr int per_piece = n < most ? n : most;
  using Piece = typename PieceOf<Real, per_piece>::Type;

  Real v[n];

  static __device__ Reals zero() {
    Reals x;
    for (int k = 0; k < n; ++k) {
      x.v[k] = 0;
    }
    return x;
  }

  static __device__ Reals load(const Real* from) {
    Reals x;
    const Piece* pieces = reinterpret_cast<const Piece*>(from);
    for (int k = 0; k < n / per_piece; ++k) {
      unpack(pieces[k], x.v + k * per_piece);
    }
    return x;
  }

  /// From global memory that no thread of the kernel writes; never split into smaller loads.
  static __device__ Reals fetch(const Real* from) {
    Reals x;
    const Piece* pieces = reinterpret_cast<const Piece*>(from);
    for (int k = 0; k < n / per_piece; ++k) {
      unpack(__ldg(pieces + k), x.v + k * per_piece);
    }
    return x;
  }

  __device__ void store(Real* to) const {
    Piece* pieces = reinterpret_cast<Piece*>(to);
    for (int k = 0; k < n / per_piece; ++k) {
      pieces[k] = pack(v + k * per_piece, Piece());
    }
  }

  /// this += scale * x
  __device__ void add(Real scale, const Reals& x) {
    for (int k = 0; k < n; ++k) {
      v[k] += scale * x.v[k];
    }
  }

  /// scale * this - y
  __device__ Reals scaled_minus(Real scale, const Reals& y) const {
    Reals x;
    for (int k = 0; k < n; ++k) {
      x.v[k] = scale * v[k] - y.v[k];
    }
    return x;
  }

  __device__ Real dot(const Reals& x) const {
    Real sum = 0;
    for (int k = 0; k < n; ++k) {
      sum += v[k] * x.v[k];
    }
    return sum;
  }
};

} // namespace cuda
} // namespace hipnn_ts
