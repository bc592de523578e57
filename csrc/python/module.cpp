// SPDX-License-Identifier: BSD-3-Clause
#include <pybind11/pybind11.h>

#include <pybind11/stl.h>

#include "core/cpu/instruction_sets.hpp"
#include "core/cuda/compiler.hpp"
#include "core/model_file/model_file.hpp"
#include "runtime.hpp"

PYBIND11_MODULE(_core, m) {
  m.doc() = "The runtime of hipnn-ts, what this build is and what it runs on.";
  hipnn_ts::define_runtime(m);
  hipnn_ts::define_batch(m);
  m.def("instruction_set", &hipnn_ts::instruction_set, "Instruction set of the kernels in use.");
  m.def(
      "instruction_sets", &hipnn_ts::instruction_sets,
      "Those that this build and this processor have, the best last; HIPNN_TS_ISA chooses.");
  m.def(
      "describe_model_file",
      [](const std::string& path, const std::string_view content) {
        try {
          return hipnn_ts::described(hipnn_ts::ModelFile(path, content).model().architecture());
        } catch (const hipnn_ts::FileError& error) {
          throw pybind11::value_error(error.what());
        }
      },
      "What the network of an exported fused file of format 2 is, in JSON, after all checks.");
  m.def(
      "compile_kernels",
      [](int architecture, bool double_precision, int n_components, int n_sensitivities,
         int n_features, int lane_features, int max_window, const std::string& torch_libraries,
         const std::string& program) {
        return pybind11::bytes(
            hipnn_ts::cuda::compile(
                architecture,
                {double_precision, n_components, n_sensitivities, n_features, lane_features,
                 max_window, program.c_str()},
                hipnn_ts::cuda::nvrtc_folders(torch_libraries)));
      },
      pybind11::kw_only(), pybind11::arg("architecture"), pybind11::arg("double_precision"),
      pybind11::arg("n_components"), pybind11::arg("n_sensitivities"), pybind11::arg("n_features"),
      pybind11::arg("lane_features"), pybind11::arg("max_window"), pybind11::arg("torch_libraries"),
      pybind11::arg("program") = "inference.cu",
      "CUDA kernels as a GPU of this compute capability (90 for 9.0) loads them. No GPU is "
      "needed.");
  m.def(
      "cache_folder", &hipnn_ts::cuda::cache_folder,
      "Where compiled CUDA kernels are kept; empty where there is no such place.");
}
