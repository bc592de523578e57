// SPDX-License-Identifier: BSD-3-Clause
//
// How the kernels of moments read pairs: a block for a group of pairs, a warp for a part of it, a
// lane for a feature.
#pragma once

#include "prelude.cuh"
#include "training_arguments.hpp"

namespace hipnn_ts {
namespace cuda {

/// Grouped pairs, and whether all of their indices are in range.
KERNEL(make_records, RecordsArguments<Real>) {
  for (long long k = grid_thread(); k < x.n_pairs; k += grid_threads()) {
    const auto record = [&](long long p, bool by_receiver) {
      const long long i = x.receivers[p], j = x.senders[p];
      const int first = x.first[p], count = x.count[p];
      const bool exists = i >= 0 && i < x.n_receivers && j >= 0 && j < x.n_senders && first >= 0 &&
                          count >= 0 && count <= x.window && first <= x.n_sensitivities - count;
      if (!exists) {
        *x.start = static_cast<Real>(not_a_number());
        return PairRecord{static_cast<int>(p), 0, 0, 0};
      }
      return PairRecord{static_cast<int>(p), static_cast<int>(by_receiver ? j : i), first, count};
    };
    x.by_receiver[k] = record(x.receiver_order[k], true);
    x.by_sender[k] = record(x.sender_order[k], false);
  }
}

/// Calls body(record) for a warp's part of a group: its lanes read 32 records at once.
template <class Body>
__device__ inline void for_pairs(const GroupedPairs& pairs, long long group, const Body& body) {
  const long long begin = pairs.begin[group], end = pairs.begin[group + 1];
  const int n_warps = blockDim.x / warp_size;
  const long long share = (end - begin + n_warps - 1) / n_warps;
  const long long first = begin + warp() * share;
  const long long last = first + share < end ? first + share : end;
  for (long long k = first; k < last; k += warp_size) {
    PairRecord own = {0, 0, 0, 0};
    if (k + lane() < last) {
      own = pairs.records[k + lane()];
    }
    const int n = last - k < warp_size ? static_cast<int>(last - k) : warp_size;
    for (int l = 0; l < n; ++l) {
      body(
          PairRecord{
              __shfl_sync(all_lanes, own.pair, l), __shfl_sync(all_lanes, own.other, l),
              __shfl_sync(all_lanes, own.first, l), __shfl_sync(all_lanes, own.count, l)});
    }
  }
}

/// A lane's feature of 32. Lanes beyond the last feature read that one and do not count.
struct Column {
  int begin, feature;
  Real weight;

  __device__ Column(const MomentsArguments<Real>& x, int index)
      : begin(index * warp_size), feature(begin + lane()), weight(1) {
    if (feature >= x.n_features) {
      feature = x.n_features - 1;
      weight = 0;
    }
  }
};

/// One feature of a message, and of its change (`own`) beside its value (`before`): without
/// directions `own` is the message.
struct Messages {
  Real own, before;
};

/// One feature of the moments' gradient G of a receiver, `own` = sum_c Y_c G_c, and `before`, the
/// same for the direction of Y.
struct Gradients {
  Real moments[C], own, before;
};

/// The factors of one pair, and the directions along them.
template <bool change> class PairFactors {
public:
  __device__ PairFactors(const MomentsArguments<Real>& x, const PairRecord& pair, long long sender)
      : n_features_(x.n_features), factors_(of(x, x.factors, pair, sender)),
        along_(change ? of(x, x.along, pair, sender) : FormFactors<Real>{}) {}

  __device__ Real component(int c) const { return factors_.components[c]; }
  __device__ Real component_along(int c) const { return at(along_.components, c); }
  __device__ Real sensitivity(int w) const { return factors_.sensitivities[w]; }
  __device__ Real sensitivity_along(int w) const { return at(along_.sensitivities, w); }
  __device__ Real projection(const Column& column, int w) const {
    return factors_.projections[place(column, w)];
  }
  __device__ Real projection_along(const Column& column, int w) const {
    return at(along_.projections, place(column, w));
  }

  /// For the sensitivities from begin to end - 1.
  __device__ Messages messages(const Column& column, int begin, int end) const {
    constexpr int together = 4;
    Messages m = {0, 0};
    for (int w = begin; w < end; w += together) {
      const Radial<together> radial = read<together>(column, w, end);
#pragma unroll
      for (int k = 0; k < together; ++k) {
        m.own += radial.message(k);
        m.before += radial.s[k] * radial.p[k];
      }
    }
    return m;
  }

  /// Several consecutive sensitivities and their projections, zero from `end` on: all loads are
  /// issued before the first is used.
  template <int n> struct Radial {
    Real s[n], p[n], s_along[n], p_along[n];

    /// Contribution of one of them to a message, or to its change.
    __device__ Real message(int k) const {
      return change ? s_along[k] * p[k] + s[k] * p_along[k] : s[k] * p[k];
    }
  };

  template <int n> __device__ Radial<n> read(const Column& column, int begin, int end) const {
    Radial<n> out;
#pragma unroll
    for (int k = 0; k < n; ++k) {
      const int w = begin + k;
      out.s[k] = w < end ? sensitivity(w) : Real(0);
      out.p[k] = w < end ? projection(column, w) : Real(0);
      if (change) {
        out.s_along[k] = w < end ? sensitivity_along(w) : Real(0);
        out.p_along[k] = w < end ? projection_along(column, w) : Real(0);
      }
    }
    return out;
  }

  __device__ Gradients
  gradients(const MomentsArguments<Real>& x, const Column& column, long long receiver) const {
    const Real* row = x.moments + receiver * C * x.n_features + column.feature;
    Gradients g;
    g.own = 0;
    g.before = 0;
#pragma unroll
    for (int c = 0; c < C; ++c) {
      g.moments[c] = column.weight * row[static_cast<long long>(c) * x.n_features];
      g.own += component(c) * g.moments[c];
      if (change) {
        g.before += component_along(c) * g.moments[c];
      }
    }
    return g;
  }

private:
  static __device__ Real at(const Real* values, long long k) {
    return values ? values[k] : Real(0);
  }

  __device__ long long place(const Column& column, int w) const {
    return static_cast<long long>(w) * n_features_ + column.feature;
  }

  static __device__ FormFactors<Real>
  of(const MomentsArguments<Real>& x, const FormFactors<Real>& f, const PairRecord& pair,
     long long sender) {
    const auto from = [](const Real* values, long long k) { return values ? values + k : values; };
    const long long p = pair.pair;
    return {
        from(f.components, p * C), from(f.sensitivities, p * x.window),
        from(f.projections, (sender * x.n_sensitivities + pair.first) * x.n_features)};
  }

  int n_features_;
  FormFactors<Real> factors_, along_;
};

/// Sums of n values over all lanes in n exchanges and a few more: lane l gets that of value l n /
/// 32. Halves of lanes and of values are combined, with templates, so that all values stay in
/// registers.
template <int n, int step = warp_size / 2> __device__ inline Real fold(Real* x) {
  if constexpr (n > 1) {
    const bool upper = (lane() & step) != 0;
#pragma unroll
    for (int k = 0; k < n / 2; ++k) {
      const Real given = __shfl_xor_sync(all_lanes, upper ? x[k] : x[k + n / 2], step);
      x[k] = (upper ? x[k + n / 2] : x[k]) + given;
    }
    return fold<n / 2, step / 2>(x);
  } else if constexpr (step > 0) {
    x[0] += __shfl_xor_sync(all_lanes, x[0], step);
    return fold<1, step / 2>(x);
  }
  return x[0];
}

} // namespace cuda
} // namespace hipnn_ts
