# Imported target `torch_cpu_only`: torch's own find_package wants a full CUDA toolkit even for
# code that links the CPU libraries alone.
hipnn_ts_locate(torch_version_file torch torch/version.py)
if(NOT torch_version_file)
  message(STATUS "torch not found (pip install torch==2.9.1): no torch operators")
  return()
endif()
cmake_path(GET torch_version_file PARENT_PATH torch_root)
file(STRINGS ${torch_version_file} torch_version_line REGEX "^__version__")
string(REGEX MATCH "[0-9]+\\.[0-9]+\\.[0-9]+" HIPNN_TS_TORCH_VERSION ${torch_version_line})
message(STATUS "torch ${HIPNN_TS_TORCH_VERSION} at ${torch_root}")

add_library(torch_cpu_only INTERFACE)
target_include_directories(torch_cpu_only SYSTEM INTERFACE
  ${torch_root}/include ${torch_root}/include/torch/csrc/api/include)
target_compile_definitions(torch_cpu_only INTERFACE _GLIBCXX_USE_CXX11_ABI=1)
if(HIPNN_TS_TORCH_VERSION VERSION_GREATER_EQUAL 2.13)
  target_compile_features(torch_cpu_only INTERFACE cxx_std_20) # its headers want it
endif()
target_link_libraries(torch_cpu_only INTERFACE
  ${torch_root}/lib/libtorch_cpu.so ${torch_root}/lib/libc10.so)
# Old-style RPATH (it also covers what torch itself loads) relative to hipnn_ts/lib in site-packages.
# As a property: the $ of a raw linker flag is escaped differently by each version of CMake.
set(CMAKE_INSTALL_RPATH "$ORIGIN" "$ORIGIN/../../torch/lib")
if(HIPNN_TS_SANITIZE)
  list(APPEND CMAKE_INSTALL_RPATH ${torch_root}/lib) # this build is never installed beside torch
endif()
target_link_options(torch_cpu_only INTERFACE -Wl,--disable-new-dtags -Wl,--no-as-needed)
