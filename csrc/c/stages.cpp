// SPDX-License-Identifier: BSD-3-Clause
#include <omp.h>

#include <variant>
#include <vector>

#include "core/network.hpp"
#include "handles.hpp"

using namespace hipnn_ts;

namespace {

/// Stages of one precision; the caller's arrays of `void` have that precision.
template <class T> struct Stages {
  explicit Stages(const Model& model) : network(model.all_weights<T>()) {}

  using Value = T;
  static T* values(void* array) { return static_cast<T*>(array); }
  static const T* values(const void* array) { return static_cast<const T*>(array); }

  Network<T> network;
};

using AnyStages = std::variant<Stages<float>, Stages<double>>;

AnyStages stages_of(const Model& model) {
  if (model.architecture().double_precision) {
    return AnyStages(std::in_place_type<Stages<double>>, model);
  }
  return AnyStages(std::in_place_type<Stages<float>>, model);
}

} // namespace

struct hipnn_ts_stages {
  explicit hipnn_ts_stages(std::shared_ptr<const Model> shared)
      : model(std::move(shared)), of_precision(stages_of(*model)) {}

  std::shared_ptr<const Model> model;
  AnyStages of_precision;
  bool begun = false;
};

namespace {

/// Calls use(stages of a precision) within a step that has begun.
template <class Use>
hipnn_ts_status within_step(hipnn_ts_stages* stages, const Message& message, const Use& use) {
  return guarded(message, [&] {
    check_given(stages, "stages");
    if (!stages->begun) {
      throw std::invalid_argument("expected hipnn_ts_stages_begin before, found no step begun");
    }
    std::visit(use, stages->of_precision);
    return HIPNN_TS_OK;
  });
}

/// Throws unless the block is one before the last.
template <class Network> void check_block(const Network& network, int block) {
  check_within(block, "block", 0, network.n_blocks() - 2);
}

} // namespace

hipnn_ts_status hipnn_ts_stages_create(
    const hipnn_ts_model* model, hipnn_ts_stages** stages, char* message, size_t message_size) {
  return created(stages, "stages", {message, message_size}, [&] {
    check_given(model, "model");
    return new hipnn_ts_stages(model->model);
  });
}

void hipnn_ts_stages_free(hipnn_ts_stages* stages) {
  delete stages;
}

hipnn_ts_status hipnn_ts_stages_begin(
    hipnn_ts_stages* stages, int64_t n_atoms, int64_t n_receivers, const int64_t* species,
    int64_t n_pairs, const int32_t* receivers, const int32_t* senders, const void* vectors,
    int32_t n_threads, char* message, size_t message_size) {
  return guarded({message, message_size}, [&] {
    check_given(stages, "stages");
    stages->begun = false;
    check_within(n_atoms, "n_atoms", 0, INT32_MAX);
    check_within(n_receivers, "n_receivers", 0, n_atoms);
    check_within(n_pairs, "n_pairs", 0, INT32_MAX);
    check_within(n_threads, "n_threads", 0, most_threads);
    if (n_atoms > 0) {
      check_given(species, "species");
    }
    if (n_pairs > 0) {
      check_given(receivers, "receivers");
      check_given(senders, "senders");
      check_given(vectors, "vectors");
    }
    const int threads = n_threads > 0 ? n_threads : omp_get_max_threads();
    std::visit(
        [&](auto& own) {
          own.network.begin(
              {n_atoms, n_receivers, n_pairs, species, receivers, senders, own.values(vectors),
               threads});
        },
        stages->of_precision);
    stages->begun = true;
    return HIPNN_TS_OK;
  });
}

hipnn_ts_status hipnn_ts_stages_member(
    hipnn_ts_stages* stages, int32_t member, char* message, size_t message_size) {
  return within_step(stages, {message, message_size}, [&](auto& own) {
    check_within(member, "member", 0, stages->model->n_members() - 1);
    own.network.choose(member);
  });
}

hipnn_ts_status hipnn_ts_stages_forward(
    hipnn_ts_stages* stages, int block, const void* features, void* out, double* energies,
    char* message, size_t message_size) {
  return within_step(stages, {message, message_size}, [&](auto& own) {
    check_block(own.network, block);
    own.network.forward(block, own.values(features), own.values(out), energies);
  });
}

hipnn_ts_status hipnn_ts_stages_last(
    hipnn_ts_stages* stages, const void* features, double* energies, void* feature_gradients,
    void* vector_gradients, char* message, size_t message_size) {
  return hipnn_ts_stages_last_with_features(
      stages, features, energies, feature_gradients, vector_gradients, nullptr, message,
      message_size);
}

hipnn_ts_status hipnn_ts_stages_last_with_features(
    hipnn_ts_stages* stages, const void* features, double* energies, void* feature_gradients,
    void* vector_gradients, void* out, char* message, size_t message_size) {
  return within_step(stages, {message, message_size}, [&](auto& own) {
    own.network.last(
        own.values(features), energies, own.values(feature_gradients), own.values(vector_gradients),
        own.values(out));
  });
}

hipnn_ts_status hipnn_ts_stages_uncertainties(
    hipnn_ts_stages* stages, const void* const* features, double* uncertainties, char* message,
    size_t message_size) {
  return within_step(stages, {message, message_size}, [&](auto& own) {
    check_given(features, "features");
    check_given(uncertainties, "uncertainties");
    std::vector<decltype(own.values(*features))> of_blocks;
    for (int k = 0; k < own.network.n_blocks(); ++k) {
      of_blocks.push_back(own.values(features[k]));
    }
    own.network.uncertainties(of_blocks.data(), uncertainties);
  });
}

hipnn_ts_status hipnn_ts_stages_backward(
    hipnn_ts_stages* stages, int block, void* out_gradients, void* feature_gradients,
    void* vector_gradients, char* message, size_t message_size) {
  return within_step(stages, {message, message_size}, [&](auto& own) {
    check_block(own.network, block);
    own.network.backward(
        block, own.values(out_gradients), own.values(feature_gradients),
        own.values(vector_gradients));
  });
}

hipnn_ts_status hipnn_ts_stages_forces(
    hipnn_ts_stages* stages, const void* vector_gradients, double* forces, char* message,
    size_t message_size) {
  return within_step(stages, {message, message_size}, [&](auto& own) {
    own.network.forces(own.values(vector_gradients), forces);
  });
}
