// SPDX-License-Identifier: BSD-3-Clause
#include "core/model_file/architecture_json.hpp"

#include <numeric>
#include <set>

#include "core/polynomial_terms.hpp"

namespace hipnn_ts {
namespace {

// Bounds as in hipnn_ts.model.config: far beyond any use, since a damaged file may claim anything.
constexpr int most_features = 8192, most_blocks = 64, most_layers = 64, most_sensitivities = 1024;
constexpr double longest = 1000.0; // Å

double length_of(const Json& value, const std::string& name) {
  const double found = value.is_number() ? value.get<double>() : 0.0;
  if (!(found > 0.0 && found <= longest)) {
    throw FileError(name + ": expected a number above 0, at most 1000, found " + shown(value));
  }
  return found;
}

/// Values of one object, by key.
class Values {
public:
  Values(const Json& object, std::string name) : object_(object), name_(std::move(name)) {}

  bool has(const char* key) const { return object_.contains(key) && !object_[key].is_null(); }
  const Json& at(const char* key) const { return value_of(object_, key, name_); }
  std::string path(const char* key) const { return name_ + ": " + key; }

  int integer(const char* key, int low, int high) const {
    return static_cast<int>(integer_of(at(key), path(key), low, high));
  }

  double length(const char* key) const { return length_of(at(key), path(key)); }

  std::vector<int> widths(const char* key) const {
    std::vector<int> out;
    for (const Json& each : list(key, most_blocks)) {
      out.push_back(static_cast<int>(integer_of(each, path(key), 1, most_features)));
    }
    return out;
  }

  const Json& list(const char* key, size_t most) const {
    const Json& out = at(key);
    if (!out.is_array() || out.empty() || out.size() > most) {
      throw FileError(path(key) + ": expected a list of 1 to " + std::to_string(most) + " values");
    }
    return out;
  }

private:
  const Json& object_;
  std::string name_;
};

void read_polynomials(const Values& values, Architecture& out) {
  out.n_max = values.has("n_max") ? values.integer("n_max", 1, max_factors) : max_factors;
  const std::string normalisation =
      values.has("normalisation")
          ? text_of(values.at("normalisation"), values.path("normalisation"))
          : "none";
  if (normalisation != "group" && normalisation != "none") {
    throw FileError(
        values.path("normalisation") + ": expected 'group' or 'none', found " +
        shown(Json(normalisation)));
  }
  out.normalised = normalisation == "group";
  if (values.has("normalisation_epsilon")) {
    out.normalisation_epsilon = values.length("normalisation_epsilon");
  }
}

/// [inner, outer] of an object's key, or of one pair of elements in it.
RepulsionRadii radii_of(const Json& given, const std::string& name, double cutoff) {
  if (!given.is_array() || given.size() != 2) {
    throw FileError(name + ": expected an inner and an outer radius, found " + shown(given));
  }
  const RepulsionRadii out{length_of(given[0], name), length_of(given[1], name)};
  if (!(out.inner < out.outer && out.outer <= cutoff)) {
    throw FileError(
        name + ": expected inner < outer <= cutoff, found " + shown(given) + " at a cutoff of " +
        shown(Json(cutoff)));
  }
  return out;
}

void read_repulsion(const Values& values, Architecture& out) {
  const Json& given = values.at("zbl");
  const std::string name = values.path("zbl");
  std::set<std::string> pairs;
  for (const std::string& a : out.elements) {
    for (const std::string& b : out.elements) {
      const std::string pair = pair_name(a, b);
      pairs.insert(pair);
      out.zbl.push_back(
          given.is_object()
              ? radii_of(value_of(given, pair.c_str(), name), name + "." + pair, out.cutoff)
              : radii_of(given, name, out.cutoff));
    }
  }
  if (given.is_object() && given.size() != pairs.size()) {
    throw FileError(
        name + ": expected radii for " + std::to_string(pairs.size()) +
        " pairs of elements, found " + std::to_string(given.size()));
  }
}

} // namespace

Architecture read_architecture(const Json& network, const std::string& name) {
  const Values values(network, name);
  Architecture out;
  std::set<std::string> seen;
  for (const Json& each : values.list("elements", n_elements)) {
    const std::string symbol = text_of(each, values.path("elements"));
    if (atomic_number(symbol) == 0 || !seen.insert(symbol).second) {
      throw FileError(
          values.path("elements") + ": expected chemical symbols, each once, found " + shown(each));
    }
    out.elements.push_back(symbol);
  }
  if (values.has("invariants")) {
    out.invariants = text_of(values.at("invariants"), values.path("invariants"));
  }
  if (out.invariants == "polynomials") {
    read_polynomials(values, out);
  } else if (out.invariants != "norms") {
    throw FileError(
        values.path("invariants") + ": expected 'norms' or 'polynomials', found " +
        shown(Json(out.invariants)));
  }
  out.l_max = values.integer("l_max", 0, max_order);
  out.n_sensitivities = values.integer("n_sensitivities", 1, most_sensitivities);
  out.n_atom_layers = values.integer("n_atom_layers", 0, most_layers);
  out.n_features = values.widths("n_features");
  out.n_middle_features =
      values.has("n_middle_features") ? values.widths("n_middle_features") : out.n_features;
  const Json& residual = values.at("residual");
  if (!residual.is_boolean()) {
    throw FileError(values.path("residual") + ": expected true or false, found " + shown(residual));
  }
  out.residual = residual.get<bool>();
  if (out.n_middle_features.size() != out.n_features.size() ||
      (!out.residual && out.n_middle_features != out.n_features)) {
    throw FileError(values.path("n_middle_features") + ": expected widths that fit n_features");
  }
  out.cutoff = values.length("cutoff");
  out.cusp_regularisation = values.length("cusp_regularisation");
  if (values.has("zbl")) {
    read_repulsion(values, out);
  }
  return out;
}

int read_members(const Json& object, const std::string& name) {
  const Values values(object, name);
  return object.contains(members_key) ? values.integer(members_key, 2, most_members) : 1;
}

bool read_uncertain(const Json& object, const std::string& name) {
  const auto found = object.find(uncertainty_key);
  if (found == object.end() || found->is_null() || *found == Json(false)) {
    return false;
  }
  if (!found->is_object() && *found != Json(true)) {
    throw FileError(
        name + ": " + uncertainty_key + ": expected what the file has, found " + shown(*found));
  }
  return true;
}

int Architecture::n_all_features() const {
  return std::accumulate(n_features.begin(), n_features.end(), 0);
}

namespace {

/// One pair of radii if all are the same.
Json written_repulsion(const Architecture& network) {
  const auto list = [](const RepulsionRadii& each) { return Json{each.inner, each.outer}; };
  const int n = network.n_species();
  Json out;
  bool same = true;
  for (int a = 0; a < n; ++a) {
    for (int b = 0; b < n; ++b) {
      const RepulsionRadii& own = network.zbl[a * n + b];
      same = same && own == network.zbl.front();
      out[pair_name(network.elements[a], network.elements[b])] = list(own);
    }
  }
  return same ? list(network.zbl.front()) : out;
}

} // namespace

Json write_architecture(const Architecture& network) {
  Json out = {
      {"elements", network.elements},
      {"invariants", network.invariants},
      {"l_max", network.l_max},
      {"n_sensitivities", network.n_sensitivities},
      {"n_atom_layers", network.n_atom_layers},
      {"n_features", network.n_features},
      {"n_middle_features", network.n_middle_features},
      {"residual", network.residual},
      {"cutoff", network.cutoff},
      {"cusp_regularisation", network.cusp_regularisation}};
  if (network.n_max > 0) {
    out["n_max"] = network.n_max;
    out["normalisation"] = network.normalised ? "group" : "none";
    out["normalisation_epsilon"] = network.normalisation_epsilon;
  }
  if (!network.zbl.empty()) {
    out["zbl"] = written_repulsion(network);
  }
  return out;
}

} // namespace hipnn_ts
