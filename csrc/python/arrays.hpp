// SPDX-License-Identifier: BSD-3-Clause
//
// NumPy arrays as input and output of the runtime.
#pragma once

#include <pybind11/numpy.h>

#include <string>

#include "core/closest_approach.hpp"

namespace hipnn_ts {

/// Contiguous, of this type; other types are converted.
template <class T>
using Array = pybind11::array_t<T, pybind11::array::c_style | pybind11::array::forcecast>;

/// Throws ValueError unless the array has this shape; -1 stands for any size.
inline void check_shape(
    const pybind11::array& array, const char* name,
    std::initializer_list<pybind11::ssize_t> shape) {
  bool fits = array.ndim() == static_cast<pybind11::ssize_t>(shape.size());
  std::string expected, found;
  pybind11::ssize_t axis = 0;
  for (const pybind11::ssize_t size : shape) {
    fits = fits && (size < 0 || array.shape(axis) == size);
    expected += (axis++ ? ", " : "") + (size < 0 ? std::string("n") : std::to_string(size));
  }
  if (!fits) {
    for (axis = 0; axis < array.ndim(); ++axis) {
      found += (axis ? ", " : "") + std::to_string(array.shape(axis));
    }
    throw pybind11::value_error(
        std::string(name) + ": expected shape (" + expected + "), found (" + found + ")");
  }
}

template <class T>
Array<T> array_of(const T* values, std::initializer_list<pybind11::ssize_t> shape) {
  return Array<T>(pybind11::array::ShapeContainer(shape), values);
}

/// Results, followed by the requested measures of their error.
inline pybind11::tuple with_measures(
    const pybind11::tuple& results, bool with_deviations, const pybind11::tuple& deviations,
    bool with_uncertainty, const pybind11::array& uncertainty) {
  namespace py = pybind11;
  if (with_uncertainty) {
    const py::object apart = with_deviations ? py::object(deviations) : py::object(py::none());
    return py::tuple(results + py::make_tuple(apart, uncertainty));
  }
  return with_deviations ? py::tuple(results + py::make_tuple(deviations)) : results;
}

/// Limits (n_species, n_species) in Å, or (0, 0) if nothing is known.
inline ClosestApproach limits_of(const Array<double>& limits, int64_t n_species) {
  if (limits.ndim() == 2 && limits.shape(0) == 0 && limits.shape(1) == 0) {
    return {};
  }
  check_shape(limits, "limits", {n_species, n_species});
  return {n_species, {limits.data(), limits.data() + limits.size()}};
}

} // namespace hipnn_ts
