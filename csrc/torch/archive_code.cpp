// SPDX-License-Identifier: BSD-3-Clause
#include <ATen/ATen.h>

#include <algorithm>
#include <cctype>
#include <set>

#include "torch/archive.hpp"

namespace hipnn_ts {
namespace {

/// The functions that exported code calls, or names after a dot: those of torch, and the model's
/// own. test_every_architecture_passes fails if the model's code gains one that is missing here.
const std::set<std::string_view> known{
    "Block",
    "FusedPotential",
    "InteractionLayer",
    "Linear",
    "ModuleList",
    "OnSiteLayer",
    "PairGeometry",
    "PolynomialMixing",
    "PortablePotential",
    "RaiseException",
    "ReferenceOperators",
    "Repulsion",
    "__isnot__",
    "__len__",
    "_block",
    "_matrix",
    "_third_order",
    "add",
    "add_",
    "adjust",
    "annotate",
    "append",
    "argmax",
    "autograd",
    "bias",
    "block",
    "blocks",
    "clamp",
    "coefficients",
    "container",
    "cos",
    "cutoff",
    "derivatives",
    "detach",
    "device",
    "div",
    "dtype",
    "einsum",
    "encode",
    "energies_and_pair_gradients",
    "energy_terms",
    "envelopes",
    "eq",
    "evaluate",
    "exp",
    "export",
    "exported",
    "flatten",
    "floordiv",
    "forward",
    "ge",
    "geometry",
    "getattr",
    "grad",
    "group_norm",
    "gt",
    "hipnn_ts",
    "index_add",
    "index_select",
    "inner",
    "interaction",
    "invariants",
    "l_max",
    "layers",
    "linalg_vector_norm",
    "len",
    "linear",
    "lt",
    "matmul",
    "mixing",
    "model",
    "modules",
    "moments",
    "mu",
    "mul",
    "n_species",
    "neg",
    "new_zeros",
    "nn",
    "nonzero",
    "norms",
    "one_hot",
    "ones_like",
    "onsite",
    "onsite_layers",
    "operator_sets",
    "operators",
    "outer",
    "pair_geometry",
    "pair_gradients",
    "polynomials",
    "prim",
    "projections",
    "radii",
    "range",
    "reach",
    "readouts",
    "reciprocal",
    "reference",
    "repulsion",
    "requires_grad_",
    "reshape",
    "return",
    "scalars",
    "scales",
    "select",
    "self_energies",
    "self_interaction",
    "sensitivities",
    "sigma",
    "size",
    "sizes",
    "slice",
    "softplus",
    "sqrt",
    "square",
    "squeeze",
    "stack",
    "sub",
    "sum",
    "t",
    "tensor_components",
    "tensor_scales",
    "to",
    "torch",
    "unbind",
    "unchecked_cast",
    "uninitialized",
    "unsqueeze",
    "vector_scales",
    "view",
    "weight",
    "weights",
    "where",
    "zeros",
    "zeros_like"};

bool is_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) || c == '_';
}

bool is_space(char c) {
  return std::isspace(static_cast<unsigned char>(c));
}

bool is_digit(char c) {
  return std::isdigit(static_cast<unsigned char>(c));
}

bool is_digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_digit);
}

/// Digits with at most one point: the one of 4. at the end of a line does not access what follows.
size_t end_of_number(std::string_view text, size_t i) {
  i = std::min(text.find_first_not_of("0123456789", i), text.size());
  if (i < text.size() && text[i] == '.') {
    i = std::min(text.find_first_not_of("0123456789", i + 1), text.size());
  }
  return i;
}

/// Names that torch numbers: _12, ___torch_mangle_3.
bool is_numbered(std::string_view word) {
  const std::string_view mangled = "___torch_mangle_";
  if (word.substr(0, mangled.size()) == mangled) {
    return is_digits(word.substr(mangled.size()));
  }
  return word.front() == '_' && is_digits(word.substr(1));
}

/// getattr(x, "12"), a member of a list of modules: any other name would be an unchecked attribute.
bool is_member(std::string_view rest) {
  const size_t quote = rest.find('"');
  const size_t end = rest.find('"', quote + 1);
  return quote != std::string_view::npos && end != std::string_view::npos && rest.front() == '(' &&
         std::all_of(
             rest.begin() + 1, rest.begin() + static_cast<std::ptrdiff_t>(quote),
             [](char c) { return is_word(c) || c == ' ' || c == ','; }) &&
         is_digits(rest.substr(quote + 1, end - quote - 1)) && rest.substr(end + 1, 1) == ")";
}

} // namespace

void check_code(std::string_view name, std::string_view source) {
  // Either could separate a dot from a name, which exported code never does.
  TORCH_CHECK(
      source.find_first_of("#\\") == std::string_view::npos, "found a comment or an escape in '",
      name, "', which no exported potential has");
  char before = ' '; // the last character that is not a space
  for (size_t i = 0; i < source.size();) {
    if (!is_word(source[i])) {
      before = is_space(source[i]) ? before : source[i];
      ++i;
      continue;
    }
    if (is_digit(source[i])) {
      i = end_of_number(source, i);
      before = '0';
      continue;
    }
    const size_t start = i;
    while (i < source.size() && is_word(source[i])) {
      ++i;
    }
    const std::string_view word = source.substr(start, i - start);
    size_t next = i;
    while (next < source.size() && is_space(source[next])) {
      ++next;
    }
    const bool called = next < source.size() && source[next] == '(';
    if (called || before == '.') {
      TORCH_CHECK(
          known.count(word) || is_numbered(word), "found '", word, "' in the code '", name,
          "', which no exported potential uses");
      TORCH_CHECK(
          word != "getattr" || is_member(source.substr(next)), "found an unusual getattr in '",
          name, "', which no exported potential has");
    }
    before = word.back();
  }
}

} // namespace hipnn_ts
