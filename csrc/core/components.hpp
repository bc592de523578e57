// SPDX-License-Identifier: BSD-3-Clause
//
// The tensor algebra: the components of a direction u, and the contraction of gradients with them.
// The host's compiler reads it once for each instruction set, and so do NVRTC and the tests'
// emulation of it. A new order needs `max_order` and one block in every function below.
//
// Order l has 2 l + 1 independent components, which follow those of the lower orders:
// 1 | x y z | xx xy xz yy yz | xxx xxy xxz xyy xyz yyy yyz. Those with two z follow from the
// vanishing traces.
#pragma once

// Functions that are inlined everywhere leave no copy, of which the linker would choose one for all
// instruction sets.
#define HIPNN_TS_INLINE inline __attribute__((always_inline))
#ifdef __CUDACC_RTC__
#define HIPNN_TS_UNROLL _Pragma("unroll")
#else
#define HIPNN_TS_UNROLL _Pragma("GCC unroll 16")
#endif

namespace hipnn_ts {

constexpr int max_order = 3;

/// Components of all orders up to l_max.
HIPNN_TS_INLINE constexpr int n_components(int l_max) {
  return (l_max + 1) * (l_max + 1);
}

/// The l_max with this number of components, or -1 if no network has it.
HIPNN_TS_INLINE constexpr int order_of(int components) {
  int l_max = max_order;
  while (l_max >= 0 && n_components(l_max) != components) {
    --l_max;
  }
  return l_max;
}

/// The order l as a type, so that loops over orders are unrolled.
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

// Values below are numbers, or several at once: classes with these two functions as members.

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

/// The coordinates whose product is component c, up to its trace: x is 0, y is 1, z is 2.
struct Indices {
  int of[3];
};
HIPNN_TS_INLINE constexpr Indices indices(int c) {
  if (c < Order<2>::first) {
    return {{c - 1}};
  }
  if (c < Order<3>::first) {
    return {{c < 7 ? 0 : 1, c < 7 ? c - 4 : c - 6}};
  }
  return {{c < 14 ? 0 : 1, c < 12 ? 0 : 1, c < 12 ? c - 9 : c < 14 ? c - 11 : c - 13}};
}

/// How often component c occurs in its tensor, counting the places of equal components.
HIPNN_TS_INLINE constexpr int multiplicity(int c) {
  const Indices n = indices(c);
  if (c < Order<2>::first) {
    return 1;
  }
  if (c < Order<3>::first) {
    return n.of[0] == n.of[1] ? 1 : 2;
  }
  return n.of[0] == n.of[2] ? 1 : n.of[0] == n.of[1] || n.of[1] == n.of[2] ? 3 : 6;
}

/// Component c of the direction u, whose coordinates may have another type.
template <class T, class Coordinate> HIPNN_TS_INLINE T component(int c, const Coordinate* u) {
  if (c == 0) {
    return T(1);
  }
  if (c < Order<2>::first) {
    return static_cast<T>(u[c - 1]);
  }
  const Indices n = indices(c);
  const T first = static_cast<T>(u[n.of[0]]), second = static_cast<T>(u[n.of[1]]);
  if (c < Order<3>::first) {
    return first * second - (n.of[0] == n.of[1] ? T(1) / 3 : T(0));
  }
  const T third = static_cast<T>(u[n.of[2]]);
  const T trace = (n.of[1] == n.of[2] ? first : T(0)) + (n.of[0] == n.of[2] ? second : T(0)) +
                  (n.of[0] == n.of[1] ? third : T(0));
  return first * second * third - trace / 5;
}

/// Its change when u changes by `turn`.
template <class T> HIPNN_TS_INLINE T component_change(int c, const T* u, const T* turn) {
  if (c == 0) {
    return T(0);
  }
  if (c < Order<2>::first) {
    return turn[c - 1];
  }
  const Indices n = indices(c);
  const T first = u[n.of[0]], second = u[n.of[1]];
  const T product = first * turn[n.of[1]] + second * turn[n.of[0]];
  if (c < Order<3>::first) {
    return product;
  }
  const T trace = (n.of[1] == n.of[2] ? turn[n.of[0]] : T(0)) +
                  (n.of[0] == n.of[2] ? turn[n.of[1]] : T(0)) +
                  (n.of[0] == n.of[1] ? turn[n.of[2]] : T(0));
  return first * second * turn[n.of[2]] + product * u[n.of[2]] - trace / 5;
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

/// Products of two vectors for the contraction with a symmetric tensor, without zz: xx, xy + yx, xz
/// + zx, yy, yz + zy.
template <class S> struct Products {
  S of[5];

  HIPNN_TS_INLINE Products(const S* a, const S* b)
      : of{a[0] * b[0], a[0] * b[1] + a[1] * b[0], a[0] * b[2] + a[2] * b[0], a[1] * b[1],
           a[1] * b[2] + a[2] * b[1]} {}
};

/// Likewise the tensor of order 3 contracted with two vectors; entries with two z are zero.
template <class F, class S, class Load>
HIPNN_TS_INLINE void add_contracted(Order<3>, const Products<S>& k, const Load& load, F* sum) {
  const F xxy = load(10), xxz = load(11), xyy = load(12), xyz = load(13), yyz = load(15);
  add_scaled(sum[0], k.of[0], F(load(9)));
  add_scaled(sum[0], k.of[1], xxy);
  add_scaled(sum[0], k.of[2], xxz);
  add_scaled(sum[0], k.of[3], xyy);
  add_scaled(sum[0], k.of[4], xyz);
  add_scaled(sum[1], k.of[0], xxy);
  add_scaled(sum[1], k.of[1], xyy);
  add_scaled(sum[1], k.of[2], xyz);
  add_scaled(sum[1], k.of[3], F(load(14)));
  add_scaled(sum[1], k.of[4], yyz);
  add_scaled(sum[2], k.of[0], xxz);
  add_scaled(sum[2], k.of[1], xyz);
  add_scaled(sum[2], k.of[3], yyz);
}

/// The factors of u that `add_contracted` needs for the contraction with l - 1 times u.
template <class S> HIPNN_TS_INLINE const S* contracting(Order<2>, const S* u) {
  return u;
}
template <class S> HIPNN_TS_INLINE Products<S> contracting(Order<3>, const S* u) {
  return Products<S>(u, u);
}

/// The factor of component c in the `distance` of `contract`.
template <class T> HIPNN_TS_INLINE T contraction_factor(int c, const T* u) {
  if (c == 0) {
    return T(1);
  }
  const Indices n = indices(c);
  T product = u[n.of[0]];
  if (c >= Order<2>::first) {
    product *= u[n.of[1]];
  }
  if (c >= Order<3>::first) {
    product *= u[n.of[2]];
  }
  return product * multiplicity(c);
}

/// A gradient along a pair's distance and with respect to its direction.
template <class F> struct PairSums {
  F distance, direction[3];
};

/// For G, a gradient with respect to the moments in the form of `write_reduced`: its contraction
/// with the components of the direction u (as `distance`), and the derivative of that contraction
/// in u. load(c) gives component c.
template <int l_max, class F, class S, class Load>
HIPNN_TS_INLINE PairSums<F> contract(const S* u, const Load& load) {
  static_assert(l_max >= 0 && l_max <= max_order);
  PairSums<F> out{load(0), {}};
  if constexpr (l_max >= 1) {
    // Order l is homogeneous: with h_l its contraction with l - 1 times u, sum_l u.h_l has the
    // derivative sum_l l h_l = l_max (sum of all) - (sum of those below l_max) - ...
    F sum[3] = {load(1), load(2), load(3)}, lower[3];
    for_orders<2, l_max>([&](auto order) __attribute__((always_inline)) {
      for (int d = 0; d < 3; ++d) {
        if constexpr (order.l == 2) {
          lower[d] = sum[d];
        } else {
          add_scaled(lower[d], S(1), sum[d]);
        }
      }
      add_contracted(order, contracting(order, u), load, sum);
    });
    for (int d = 0; d < 3; ++d) {
      add_scaled(out.distance, u[d], sum[d]);
      if constexpr (l_max == 1) {
        out.direction[d] = sum[d];
      } else {
        out.direction[d] = scaled_minus(S(l_max), sum[d], lower[d]);
      }
    }
  }
  return out;
}

/// Gradient with respect to a pair's vector: only the part perpendicular to the direction rotates
/// it.
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

/// Contribution of the traces of order l to order l - 2, given load(c), entries of the tensors:
/// with |u|^2 = 1, the traceless tensor contracted with l times u is the plain one minus this.
template <class S, class F, class Load> HIPNN_TS_INLINE void traces(Order<1>, const Load&, F*) {}
template <class S, class F, class Load>
HIPNN_TS_INLINE void traces(Order<2>, const Load& load, F* out) {
  out[0] = (load(4) + load(7)) * (S(1) / 3);
}
template <class S, class F, class Load>
HIPNN_TS_INLINE void traces(Order<3>, const Load& load, F* out) {
  out[0] = (load(9) + load(12)) * (S(3) / 5);
  out[1] = (load(10) + load(14)) * (S(3) / 5);
  out[2] = (load(11) + load(15)) * (S(3) / 5);
}

/// The derivative of g.Y in the direction u; Y are the components of u.
template <int l_max, class T>
HIPNN_TS_INLINE void components_gradient(const T* g, const T* u, T* out) {
  static_assert(l_max >= 0 && l_max <= max_order);
  for (int d = 0; d < 3; ++d) {
    out[d] = l_max >= 1 ? g[1 + d] : T(0);
  }
  for_orders<2, l_max>([&](auto order) __attribute__((always_inline)) {
    T sum[3] = {}, trace[3] = {};
    add_contracted(order, contracting(order, u), Entries<T>{g}, sum);
    if constexpr (order.l == 3) {
      traces<T>(order, Entries<T>{g}, trace);
    }
    for (int d = 0; d < 3; ++d) {
      out[d] += order.l * sum[d] - trace[d];
    }
  });
}

/// Its change when u changes by k.
template <int l_max, class T>
HIPNN_TS_INLINE void components_curvature(const T* g, const T* u, const T* k, T* out) {
  static_assert(l_max >= 0 && l_max <= max_order);
  T sum[3] = {};
  if constexpr (l_max >= 2) {
    add_contracted(Order<2>(), k, Entries<T>{g}, sum);
  }
  if constexpr (l_max >= 3) {
    T third[3] = {};
    add_contracted(Order<3>(), Products<T>(u, k), Entries<T>{g}, third);
    for (int d = 0; d < 3; ++d) {
      sum[d] += 3 * third[d];
    }
  }
  for (int d = 0; d < 3; ++d) {
    out[d] = 2 * sum[d];
  }
}

/// The order to which traces of order l contribute.
template <int l> using Lower = Order<(l < 2 ? 0 : l - 2)>;

/// Writes a gradient with respect to the moments of order l in the form that `contract` reads:
/// entry(c) of a tensor to at(c), a reference to component c, and to the order below its
/// contribution there.
template <class S, class F = S, int l, class Load, class At>
HIPNN_TS_INLINE void write_reduced(Order<l> order, const Load& entry, const At& at) {
  F trace[Lower<l>::size];
  traces<S>(order, entry, trace);
  for (int c = order.first; c < order.first + order.size; ++c) {
    at(c) = entry(c);
  }
  for (int c = 0; l >= 2 && c < Lower<l>::size; ++c) {
    at(Lower<l>::first + c) -= trace[c];
  }
}

/// Converts a gradient with respect to the components, C values, to that form.
template <int l_max, class S, class F> HIPNN_TS_INLINE void reduce_gradient(F* gradient) {
  for_orders<1, l_max>([&](auto order) __attribute__((always_inline)) {
    F entries[order.size];
    for (int c = 0; c < order.size; ++c) {
      entries[c] = gradient[order.first + c] * (S(1) / multiplicity(order.first + c));
    }
    write_reduced<S, F>(
        order, [&](int c) __attribute__((always_inline)) { return entries[c - order.first]; },
        [&](int c) __attribute__((always_inline)) -> F& { return gradient[c]; });
  });
}

} // namespace hipnn_ts
