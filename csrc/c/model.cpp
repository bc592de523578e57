// SPDX-License-Identifier: BSD-3-Clause
#include <cstdio>

#include "core/model_file/model_file.hpp"
#include "handles.hpp"

using namespace hipnn_ts;

namespace {

std::string content_of(const std::string& path) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(
      std::fopen(path.c_str(), "rb"), std::fclose);
  std::string content;
  if (file) {
    char part[1 << 16];
    while (const size_t n = std::fread(part, 1, sizeof part, file.get())) {
      content.append(part, n);
    }
  }
  if (!file || std::ferror(file.get())) { // a folder can be opened
    throw FileError(path + ": expected a file that can be read, found none");
  }
  return content;
}

hipnn_ts_model* loaded(const std::string& path, std::string_view content) {
  const ModelFile file(path, content);
  auto model = std::make_shared<const Model>(file.model());
  return new hipnn_ts_model{std::move(model), file.closest_approach()};
}

} // namespace

int hipnn_ts_api_version(void) {
  return HIPNN_TS_API_VERSION;
}

const char* hipnn_ts_version(void) {
  return HIPNN_TS_PACKAGE_VERSION;
}

hipnn_ts_status
hipnn_ts_model_load(const char* path, hipnn_ts_model** model, char* message, size_t message_size) {
  return created(model, "model", {message, message_size}, [&] {
    check_given(path, "path");
    return loaded(path, content_of(path));
  });
}

hipnn_ts_status hipnn_ts_model_load_memory(
    const void* content, size_t content_size, const char* name, hipnn_ts_model** model,
    char* message, size_t message_size) {
  return created(model, "model", {message, message_size}, [&] {
    check_given(content, "content");
    check_given(name, "name");
    return loaded(name, {static_cast<const char*>(content), content_size});
  });
}

void hipnn_ts_model_free(hipnn_ts_model* model) {
  delete model;
}

int hipnn_ts_model_n_species(const hipnn_ts_model* model) {
  return model->network().n_species();
}

int hipnn_ts_model_n_members(const hipnn_ts_model* model) {
  return model->model->n_members();
}

int hipnn_ts_model_has_uncertainty(const hipnn_ts_model* model) {
  return model->network().uncertain ? 1 : 0;
}

const char* hipnn_ts_model_element(const hipnn_ts_model* model, int species) {
  return model->knows(species) ? model->network().elements[species].c_str() : nullptr;
}

int hipnn_ts_model_atomic_number(const hipnn_ts_model* model, int species) {
  return model->knows(species) ? atomic_number(model->network().elements[species]) : 0;
}

double hipnn_ts_model_self_energy(const hipnn_ts_model* model, int species) {
  return model->knows(species) ? model->model->mean_self_energy(species) : 0.0;
}

double hipnn_ts_model_member_self_energy(const hipnn_ts_model* model, int member, int species) {
  const bool known = model->knows(species) && member >= 0 && member < model->model->n_members();
  return known ? model->model->self_energies(member)[species] : 0.0;
}

double hipnn_ts_model_cutoff(const hipnn_ts_model* model) {
  return model->network().cutoff;
}

const char* hipnn_ts_model_dtype(const hipnn_ts_model* model) {
  return model->network().double_precision ? "float64" : "float32";
}

double
hipnn_ts_model_closest_approach(const hipnn_ts_model* model, int species, int other_species) {
  const bool known = model->closest.known() && model->knows(species) && model->knows(other_species);
  return known ? model->closest.of(species, other_species) : 0.0;
}

int hipnn_ts_model_n_blocks(const hipnn_ts_model* model) {
  return model->network().n_blocks();
}

int hipnn_ts_model_block_width(const hipnn_ts_model* model, int block) {
  const bool exists = block >= 0 && block < model->network().n_blocks();
  return exists ? model->network().n_features[block] : 0;
}
