// SPDX-License-Identifier: BSD-3-Clause
//
// Polynomial invariants of one feature's moments (HIP-HOP-NN: Allen, Shinkle, Bujack, Lubbers,
// arXiv:2503.23515), with their gradients. Compiled like components.hpp. F is a number, several at
// once, or a Dual, which also follows a change, so that derivatives of gradients need no formula.
//
// With v = E1, q = E2, t = E3, a = q q, b_kl = t_ijk t_ijl, by places, in hippynn's order:
// E0 | v.v | q:q | tr q^3 | t:t | b:b | v.q.v | |q v|^2 | (v v v):t | v.b.v | b:q | b:a | |t:q|^2
#pragma once

#include "core/components.hpp"

namespace hipnn_ts {

constexpr int max_factors = 4, polynomial_places = 13;

/// Whether the polynomial at a position has only moments up to l_max and at most n_max factors.
HIPNN_TS_INLINE constexpr bool is_polynomial(int place, int l_max, int n_max) {
  constexpr int orders[] = {0, 1, 2, 2, 3, 3, 2, 2, 3, 3, 3, 3, 3};
  constexpr int factors[] = {1, 2, 2, 3, 2, 4, 3, 4, 4, 4, 3, 4, 4};
  return orders[place] <= l_max && factors[place] <= n_max;
}

/// Number of polynomials with these bounds.
HIPNN_TS_INLINE constexpr int n_polynomials(int l_max, int n_max) {
  int n = 0;
  for (int place = 0; place < polynomial_places; ++place) {
    n += is_polynomial(place, l_max, n_max);
  }
  return n;
}

/// The smallest n_max with this number of polynomials, or 0 if there is none.
HIPNN_TS_INLINE constexpr int factors_of(int polynomials, int l_max) {
  int n_max = 1;
  while (n_max <= max_factors && n_polynomials(l_max, n_max) != polynomials) {
    ++n_max;
  }
  return n_max <= max_factors ? n_max : 0;
}

/// A value and its change.
template <class T> struct Dual {
  T value, change;
};
template <class T> HIPNN_TS_INLINE Dual<T> operator+(const Dual<T>& x, const Dual<T>& y) {
  return {x.value + y.value, x.change + y.change};
}
template <class T> HIPNN_TS_INLINE Dual<T> operator-(const Dual<T>& x, const Dual<T>& y) {
  return {x.value - y.value, x.change - y.change};
}
template <class T> HIPNN_TS_INLINE Dual<T> operator*(const Dual<T>& x, const Dual<T>& y) {
  return {x.value * y.value, x.value * y.change + x.change * y.value};
}

/// 2 x
template <class F> HIPNN_TS_INLINE F twice(const F& x) {
  return x + x;
}

template <class F> struct Vector {
  F x, y, z;
};
template <class F> HIPNN_TS_INLINE Vector<F> operator+(const Vector<F>& a, const Vector<F>& b) {
  return {a.x + b.x, a.y + b.y, a.z + b.z};
}
template <class F> HIPNN_TS_INLINE Vector<F> operator*(const F& s, const Vector<F>& a) {
  return {s * a.x, s * a.y, s * a.z};
}
template <class F> HIPNN_TS_INLINE F dot(const Vector<F>& a, const Vector<F>& b) {
  return a.x * b.x + a.y * b.y + a.z * b.z;
}

template <class F> struct Symmetric {
  F xx, xy, xz, yy, yz, zz;
};
template <class F>
HIPNN_TS_INLINE Symmetric<F> operator+(const Symmetric<F>& a, const Symmetric<F>& b) {
  return {a.xx + b.xx, a.xy + b.xy, a.xz + b.xz, a.yy + b.yy, a.yz + b.yz, a.zz + b.zz};
}
template <class F> HIPNN_TS_INLINE Symmetric<F> operator*(const F& s, const Symmetric<F>& a) {
  return {s * a.xx, s * a.xy, s * a.xz, s * a.yy, s * a.yz, s * a.zz};
}
template <class F> HIPNN_TS_INLINE Vector<F> operator*(const Symmetric<F>& a, const Vector<F>& v) {
  return {
      a.xx * v.x + a.xy * v.y + a.xz * v.z, a.xy * v.x + a.yy * v.y + a.yz * v.z,
      a.xz * v.x + a.yz * v.y + a.zz * v.z};
}
/// a:b
template <class F> HIPNN_TS_INLINE F dot(const Symmetric<F>& a, const Symmetric<F>& b) {
  return a.xx * b.xx + a.yy * b.yy + a.zz * b.zz + twice(a.xy * b.xy + a.xz * b.xz + a.yz * b.yz);
}
template <class F> HIPNN_TS_INLINE Symmetric<F> square(const Symmetric<F>& a) {
  return {a.xx * a.xx + a.xy * a.xy + a.xz * a.xz, a.xx * a.xy + a.xy * a.yy + a.xz * a.yz,
          a.xx * a.xz + a.xy * a.yz + a.xz * a.zz, a.xy * a.xy + a.yy * a.yy + a.yz * a.yz,
          a.xy * a.xz + a.yy * a.yz + a.yz * a.zz, a.xz * a.xz + a.yz * a.yz + a.zz * a.zz};
}
/// a b + b a
template <class F>
HIPNN_TS_INLINE Symmetric<F> anticommutator(const Symmetric<F>& a, const Symmetric<F>& b) {
  return {
      twice(a.xx * b.xx + a.xy * b.xy + a.xz * b.xz),
      a.xx * b.xy + a.xy * b.yy + a.xz * b.yz + b.xx * a.xy + b.xy * a.yy + b.xz * a.yz,
      a.xx * b.xz + a.xy * b.yz + a.xz * b.zz + b.xx * a.xz + b.xy * a.yz + b.xz * a.zz,
      twice(a.xy * b.xy + a.yy * b.yy + a.yz * b.yz),
      a.xy * b.xz + a.yy * b.yz + a.yz * b.zz + b.xy * a.xz + b.yy * a.yz + b.yz * a.zz,
      twice(a.xz * b.xz + a.yz * b.yz + a.zz * b.zz)};
}
/// v v
template <class F> HIPNN_TS_INLINE Symmetric<F> outer(const Vector<F>& v) {
  return {v.x * v.x, v.x * v.y, v.x * v.z, v.y * v.y, v.y * v.z, v.z * v.z};
}
/// v w + w v
template <class F> HIPNN_TS_INLINE Symmetric<F> outer(const Vector<F>& v, const Vector<F>& w) {
  return {twice(v.x * w.x), v.x * w.y + v.y * w.x, v.x * w.z + v.z * w.x,
          twice(v.y * w.y), v.y * w.z + v.z * w.y, twice(v.z * w.z)};
}

/// A tensor of order 3, symmetric in two indices: a matrix for each value of the third.
template <class F> struct Third {
  Symmetric<F> x, y, z;
};
template <class F> HIPNN_TS_INLINE Third<F> operator+(const Third<F>& a, const Third<F>& b) {
  return {a.x + b.x, a.y + b.y, a.z + b.z};
}
/// v_k m_ij
template <class F> HIPNN_TS_INLINE Third<F> outer(const Vector<F>& v, const Symmetric<F>& m) {
  return {v.x * m, v.y * m, v.z * m};
}
/// t_ijk m_ij
template <class F> HIPNN_TS_INLINE Vector<F> dot(const Third<F>& t, const Symmetric<F>& m) {
  return {dot(t.x, m), dot(t.y, m), dot(t.z, m)};
}
/// t_ijk v_k
template <class F> HIPNN_TS_INLINE Symmetric<F> operator*(const Third<F>& t, const Vector<F>& v) {
  return v.x * t.x + v.y * t.y + v.z * t.z;
}
/// t_ijk t_ijl
template <class F> HIPNN_TS_INLINE Symmetric<F> gram(const Third<F>& t) {
  return {dot(t.x, t.x), dot(t.x, t.y), dot(t.x, t.z), dot(t.y, t.y), dot(t.y, t.z), dot(t.z, t.z)};
}
/// m_kl t_ijl
template <class F> HIPNN_TS_INLINE Third<F> operator*(const Symmetric<F>& m, const Third<F>& t) {
  return {
      m.xx * t.x + m.xy * t.y + m.xz * t.z, m.xy * t.x + m.yy * t.y + m.yz * t.z,
      m.xz * t.x + m.yz * t.y + m.zz * t.z};
}

/// The tensors with all their entries, from load(c), component c.
template <class F, class Load> HIPNN_TS_INLINE Vector<F> tensor_of(Order<1>, const Load& load) {
  return {load(1), load(2), load(3)};
}
template <class F, class Load> HIPNN_TS_INLINE Symmetric<F> tensor_of(Order<2>, const Load& load) {
  const F xx = load(4), yy = load(7), none = xx - xx;
  return {xx, load(5), load(6), yy, load(8), none - xx - yy};
}
template <class F, class Load> HIPNN_TS_INLINE Third<F> tensor_of(Order<3>, const Load& load) {
  const F xxx = load(9), xxy = load(10), xxz = load(11), xyy = load(12), xyz = load(13),
          yyy = load(14), yyz = load(15), none = xxx - xxx;
  const F xzz = none - xxx - xyy, yzz = none - xxy - yyy, zzz = none - xxz - yyz;
  return {
      {xxx, xxy, xxz, xyy, xyz, xzz},
      {xxy, xyy, xyz, yyy, yyz, yzz},
      {xxz, xyz, xzz, yyz, yzz, zzz}};
}

/// Converts a gradient with respect to those into one with respect to the components, passed to
/// write(c, value).
template <class F, class Write>
HIPNN_TS_INLINE void write_gradient(Order<1>, const Vector<F>& g, const Write& write) {
  write(1, g.x);
  write(2, g.y);
  write(3, g.z);
}
template <class F, class Write>
HIPNN_TS_INLINE void write_gradient(Order<2>, const Symmetric<F>& g, const Write& write) {
  write(4, g.xx - g.zz);
  write(5, twice(g.xy));
  write(6, twice(g.xz));
  write(7, g.yy - g.zz);
  write(8, twice(g.yz));
}
template <class F, class Write>
HIPNN_TS_INLINE void write_gradient(Order<3>, const Third<F>& g, const Write& write) {
  const F xzz = g.x.zz + twice(g.z.xz), yzz = g.y.zz + twice(g.z.yz), zzz = g.z.zz;
  write(9, g.x.xx - xzz);
  write(10, twice(g.x.xy) + g.y.xx - yzz);
  write(11, twice(g.x.xz) + g.z.xx - zzz);
  write(12, g.x.yy + twice(g.y.xy) - xzz);
  write(13, twice(g.x.yz + g.y.xz + g.z.xy));
  write(14, g.y.yy - yzz);
  write(15, twice(g.y.yz) + g.z.yy - zzz);
}

/// Values at the positions with bounds l_max and n_max; load(c) gives component c of the moments.
template <int l_max, class F, class Load>
HIPNN_TS_INLINE void polynomial_values(int n_max, const Load& load, F (&out)[polynomial_places]) {
  out[0] = load(0);
  if constexpr (l_max >= 1) {
    if (n_max < 2) {
      return;
    }
    const auto v = tensor_of<F>(Order<1>(), load);
    out[1] = dot(v, v);
    if constexpr (l_max >= 2) {
      const auto q = tensor_of<F>(Order<2>(), load);
      const auto a = square(q);
      const auto c = q * v;
      out[2] = a.xx + a.yy + a.zz;
      out[3] = dot(a, q);
      out[6] = dot(c, v);
      out[7] = dot(c, c);
      if constexpr (l_max >= 3) {
        const auto t = tensor_of<F>(Order<3>(), load);
        if (n_max < 3) {
          out[4] = dot(t.x, t.x) + dot(t.y, t.y) + dot(t.z, t.z);
          return;
        }
        const auto b = gram(t);
        out[4] = b.xx + b.yy + b.zz;
        out[10] = dot(b, q);
        if (n_max < 4) {
          return;
        }
        const auto e = dot(t, q);
        out[5] = dot(b, b);
        out[8] = dot(v, (t * v) * v);
        out[9] = dot(v, b * v);
        out[11] = dot(b, a);
        out[12] = dot(e, e);
      }
    }
  }
}

/// Gradients of sum_k g_k I_k with respect to the components, passed to write(c, value).
template <int l_max, class F, class Load, class Write>
HIPNN_TS_INLINE void polynomial_gradients(
    int n_max, const Load& load, const F (&g)[polynomial_places], const Write& write) {
  write(0, g[0]);
  if constexpr (l_max >= 1) {
    const F none = g[0] - g[0];
    const auto v = tensor_of<F>(Order<1>(), load);
    Vector<F> to_v{none, none, none};
    if (n_max >= 2) {
      to_v = twice(g[1]) * v;
    }
    if constexpr (l_max >= 2) {
      const auto q = tensor_of<F>(Order<2>(), load);
      Symmetric<F> to_q{none, none, none, none, none, none};
      if (n_max >= 2) {
        to_q = twice(g[2]) * q;
      }
      if (n_max >= 3) {
        const auto c = q * v;
        to_q = to_q + (twice(g[3]) + g[3]) * square(q) + g[6] * outer(v);
        to_v = to_v + twice(g[6]) * c;
        if (n_max >= 4) {
          to_q = to_q + g[7] * outer(c, v);
          to_v = to_v + twice(g[7]) * (q * c);
        }
      }
      if constexpr (l_max >= 3) {
        const auto t = tensor_of<F>(Order<3>(), load);
        Symmetric<F> to_b{none, none, none, none, none, none}; // of b = gram(t), whose trace is t:t
        Third<F> to_t{to_b, to_b, to_b};
        if (n_max >= 2) {
          to_b = {g[4], none, none, g[4], none, g[4]};
        }
        if (n_max >= 3) {
          const auto b = gram(t);
          to_b = to_b + g[10] * q;
          to_q = to_q + g[10] * b;
          if (n_max >= 4) {
            const auto d = t * v;
            const auto vv = outer(v);
            const auto e = twice(g[12]) * dot(t, q);
            to_v = to_v + (twice(g[8]) + g[8]) * (d * v) + twice(g[9]) * (b * v);
            to_b = to_b + twice(g[5]) * b + g[9] * vv + g[11] * square(q);
            to_q = to_q + g[11] * anticommutator(b, q) + t * e;
            to_t = outer(g[8] * v, vv) + outer(e, q);
          }
        }
        const auto symmetric = to_b * t;
        write_gradient(Order<3>(), to_t + symmetric + symmetric, write);
      }
      write_gradient(Order<2>(), to_q, write);
    }
    write_gradient(Order<1>(), to_v, write);
  }
}

} // namespace hipnn_ts
