// SPDX-License-Identifier: BSD-3-Clause
//
// The tensor algebra: what a direction u spreads to, how gradients are contracted with it, norms
// and their gradients. Read by the host's compiler, once for each instruction set, by NVRTC and by
// the tests' emulation of it. A new order is `max_order` and one block in every function below.
//
// Order l has 2 l + 1 independent components, which follow those of the lower orders:
// 1 | x y z | xx xy xz yy yz. zz follows from the vanishing trace.
#pragma once

// What is inlined everywhere leaves no copy for the linker to choose among those of several
// instruction sets.
#define HIPNN_TS_INLINE inline __attribute__((always_inline))
#ifdef __CUDACC_RTC__
#define HIPNN_TS_UNROLL _Pragma("unroll")
#else
#define HIPNN_TS_UNROLL _Pragma("GCC unroll 16")
#endif

namespace hipnn_ts {

constexpr int max_order = 2;

/// Components of all orders up to l_max.
HIPNN_TS_INLINE constexpr int n_components(int l_max) {
  return (l_max + 1) * (l_max + 1);
}

/// The l_max of so many components, or -1 where no network has so many.
HIPNN_TS_INLINE constexpr int order_of(int components) {
  int l_max = max_order;
  while (l_max >= 0 && n_components(l_max) != components) {
    --l_max;
  }
  return l_max;
}

/// The order l, as a type: loops over orders are unrolled.
template <int order> struct Order {
  static constexpr int l = order, first = n_components(order - 1), size = 2 * order + 1;
};

/// Calls body(Order<l>()) for each l from `first` to `last`.
template <int first, int last, class Body> HIPNN_TS_INLINE void for_orders(const Body& body) {
  static_assert(last >= 0 && last <= max_order);
  if constexpr (first <= last) {
    body(Order<first>());
    for_orders<first + 1, last>(body);
  }
}

// Values below are numbers, or some of them at once: classes with these two functions as members.

/// sum += scale * x
template <class F, class S> HIPNN_TS_INLINE void add_scaled(F& sum, S scale, const F& x) {
  sum.add(scale, x);
}
HIPNN_TS_INLINE void add_scaled(float& sum, float scale, const float& x) {
  sum += scale * x;
}
HIPNN_TS_INLINE void add_scaled(double& sum, double scale, const double& x) {
  sum += scale * x;
}

/// scale * x - y
template <class F, class S> HIPNN_TS_INLINE F scaled_minus(S scale, const F& x, const F& y) {
  return x.scaled_minus(scale, y);
}
HIPNN_TS_INLINE float scaled_minus(float scale, const float& x, const float& y) {
  return scale * x - y;
}
HIPNN_TS_INLINE double scaled_minus(double scale, const double& x, const double& y) {
  return scale * x - y;
}

/// Component c of the direction u, whose coordinates may have another type.
template <class T, class Coordinate> HIPNN_TS_INLINE T component(int c, const Coordinate* u) {
  if (c == 0) {
    return T(1);
  }
  if (c < Order<2>::first) {
    return static_cast<T>(u[c - 1]);
  }
  const int a = c < 7 ? 0 : 1, b = c < 7 ? c - 4 : c - 6;
  return static_cast<T>(u[a]) * static_cast<T>(u[b]) - (a == b ? T(1) / 3 : T(0));
}

/// How it changes when u changes by `turn`.
template <class T> HIPNN_TS_INLINE T component_change(int c, const T* u, const T* turn) {
  if (c == 0) {
    return T(0);
  }
  if (c < Order<2>::first) {
    return turn[c - 1];
  }
  const int a = c < 7 ? 0 : 1, b = c < 7 ? c - 4 : c - 6;
  return a == b ? 2 * u[a] * turn[a] : u[a] * turn[b] + u[b] * turn[a];
}

/// How often component c stands in its tensor, in the places of the others that it equals.
HIPNN_TS_INLINE constexpr int multiplicity(int c) {
  return c == 5 || c == 6 || c == 8 ? 2 : 1;
}

/// Adds to `sum` (3,) the tensor of order 2 contracted with k. load(c) gives its component c, as an
/// entry of the tensor; zz is zero.
template <class F, class S, class Load>
HIPNN_TS_INLINE void add_contracted(Order<2>, const S* k, const Load& load, F* sum) {
  const F xy = load(5), xz = load(6), yz = load(8);
  add_scaled(sum[0], k[0], F(load(4)));
  add_scaled(sum[0], k[1], xy);
  add_scaled(sum[0], k[2], xz);
  add_scaled(sum[1], k[0], xy);
  add_scaled(sum[1], k[1], F(load(7)));
  add_scaled(sum[1], k[2], yz);
  add_scaled(sum[2], k[0], xz);
  add_scaled(sum[2], k[1], yz);
}

/// A gradient along a pair's distance and with respect to its direction.
template <class F> struct PairSums {
  F distance, direction[3];
};

/// Of G, a gradient with respect to the moments in the form of `reduced`: its contraction with the
/// components of the direction u (as `distance`) and that one's derivative in u. load(c) gives
/// component c.
template <int l_max, class F, class S, class Load>
HIPNN_TS_INLINE PairSums<F> contract(const S* u, const Load& load) {
  static_assert(l_max >= 0 && l_max <= max_order);
  PairSums<F> out{load(0), {}};
  if constexpr (l_max >= 1) {
    // Order l is homogeneous: with h_l its contraction with l - 1 times u, sum_l u.h_l has the
    // derivative sum_l l h_l = l_max (sum of all) - (sum of those below l_max) - ...
    F sum[3] = {load(1), load(2), load(3)};
    const F first[3] = {sum[0], sum[1], sum[2]};
    if constexpr (l_max >= 2) {
      add_contracted(Order<2>(), u, load, sum);
    }
    for (int d = 0; d < 3; ++d) {
      add_scaled(out.distance, u[d], sum[d]);
      out.direction[d] = l_max == 1 ? sum[d] : scaled_minus(S(l_max), sum[d], first[d]);
    }
  }
  return out;
}

/// Gradient with respect to a pair's vector: only the part across the direction turns it.
template <class T>
HIPNN_TS_INLINE void vector_gradient(const PairSums<T>& g, const T* u, T inverse, T* out) {
  const T turning = g.direction[0] * u[0] + g.direction[1] * u[1] + g.direction[2] * u[2];
  const T along = g.distance - turning * inverse;
  for (int d = 0; d < 3; ++d) {
    out[d] = along * u[d] + g.direction[d] * inverse;
  }
}

/// A gradient with respect to the components as entries of the tensors.
template <class T> struct Entries {
  const T* gradient;

  HIPNN_TS_INLINE T operator()(int c) const { return gradient[c] * (T(1) / multiplicity(c)); }
};

/// The derivative of g.Y in the direction u; Y are the components of u.
template <int l_max, class T>
HIPNN_TS_INLINE void components_gradient(const T* g, const T* u, T* out) {
  static_assert(l_max >= 0 && l_max <= max_order);
  T second[3] = {};
  if constexpr (l_max >= 2) {
    add_contracted(Order<2>(), u, Entries<T>{g}, second);
  }
  for (int d = 0; d < 3; ++d) {
    out[d] = 2 * second[d] + (l_max >= 1 ? g[1 + d] : T(0));
  }
}

/// How that changes when u changes by k.
template <int l_max, class T>
HIPNN_TS_INLINE void components_curvature(const T* g, const T* k, T* out) {
  static_assert(l_max >= 0 && l_max <= max_order);
  T second[3] = {};
  if constexpr (l_max >= 2) {
    add_contracted(Order<2>(), k, Entries<T>{g}, second);
  }
  for (int d = 0; d < 3; ++d) {
    out[d] = 2 * second[d];
  }
}

HIPNN_TS_INLINE float square_root(float x) {
#ifdef __CUDACC_RTC__
  return sqrt(x);
#else
  return __builtin_sqrtf(x);
#endif
}
HIPNN_TS_INLINE double square_root(double x) {
#ifdef __CUDACC_RTC__
  return sqrt(x);
#else
  return __builtin_sqrt(x);
#endif
}

/// The full norm's square of one order; load(c) gives component c of all orders.
template <class Load> HIPNN_TS_INLINE auto squared_norm(Order<1>, const Load& load) {
  const auto x = load(1), y = load(2), z = load(3);
  return x * x + y * y + z * z;
}
/// |E2|^2 = xx^2 + yy^2 + (xx + yy)^2 + 2 (xy^2 + xz^2 + yz^2)
template <class Load> HIPNN_TS_INLINE auto squared_norm(Order<2>, const Load& load) {
  const auto xx = load(4), xy = load(5), xz = load(6), yy = load(7), yz = load(8);
  return 2 * (xx * xx + xy * xy + xz * xz + yy * yy + yz * yz + xx * yy);
}

/// sqrt(|E_l|^2 + epsilon)
template <int l, class T, class Load>
HIPNN_TS_INLINE T regularised_norm(Order<l> order, const Load& load, T epsilon) {
  return square_root(squared_norm(order, load) + epsilon);
}

/// The order that `reduced` moves traces to from order l, if that is 2 or more.
template <int l> using Lower = Order<(l < 2 ? 0 : l - 2)>;

/// Half the gradient of |E_l|^2 in the form in which `contract` reads moment gradients: with S the
/// symmetric traceless tensor itself, S_xx - S_zz, S_xy, S_xz, S_yy - S_zz, S_yz; and what is to be
/// added to order l - 2 for it, S_zz. The trace moved to where |u|^2 = 1 needs no product.
template <class T, class Load>
HIPNN_TS_INLINE void reduced(Order<1>, const Load& load, T* out, T*) {
  for (int c = 0; c < 3; ++c) {
    out[c] = load(1 + c);
  }
}
template <class T, class Load>
HIPNN_TS_INLINE void reduced(Order<2>, const Load& load, T* out, T* moved) {
  const T xx = load(4), yy = load(7);
  out[0] = 2 * xx + yy;
  out[1] = load(5);
  out[2] = load(6);
  out[3] = 2 * yy + xx;
  out[4] = load(8);
  moved[0] = -(xx + yy);
}

/// at(c), a reference to component c, becomes `scale` times that; what moves is added where it
/// belongs.
template <int l, class T, class Load, class At>
HIPNN_TS_INLINE void write_reduced(Order<l> order, T scale, const Load& load, const At& at) {
  T half[order.size], moved[Lower<l>::size] = {};
  reduced(order, load, half, moved);
  for (int c = 0; c < order.size; ++c) {
    at(order.first + c) = scale * half[c];
  }
  for (int c = 0; l >= 2 && c < Lower<l>::size; ++c) {
    at(Lower<l>::first + c) += scale * moved[c];
  }
}

} // namespace hipnn_ts
