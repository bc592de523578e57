# hipnn_ts_embed(<output> <file>...): a C++ file that defines hipnn_ts::cuda::sources. Files that the
# host's code reads too have the name that it includes them by.
function(hipnn_ts_embed output)
  set(entries "")
  foreach(file ${ARGN})
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
    cmake_path(GET file FILENAME name)
    cmake_path(GET file PARENT_PATH folder)
    if(folder STREQUAL CMAKE_CURRENT_SOURCE_DIR)
      string(PREPEND name "core/")
    endif()
    file(READ ${file} text)
    string(APPEND entries "    {\"${name}\", R\"kernels(${text})kernels\"},\n")
  endforeach()
  file(CONFIGURE OUTPUT ${output} @ONLY CONTENT [[
#include "core/cuda/sources.hpp"

namespace hipnn_ts {
namespace cuda {

const Source sources[] = {
@entries@    {nullptr, nullptr}};

} // namespace cuda
} // namespace hipnn_ts
]])
endfunction()
