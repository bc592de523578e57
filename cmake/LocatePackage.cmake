# hipnn_ts_locate(<variable> <distribution> <ending>): path of an installed Python distribution's
# file, empty where it is not installed.
function(hipnn_ts_locate variable distribution ending)
  execute_process(
    COMMAND ${Python_EXECUTABLE} ${CMAKE_SOURCE_DIR}/build_backend/locate.py ${distribution} ${ending}
    OUTPUT_VARIABLE path
    OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
  set(${variable} "${path}" PARENT_SCOPE)
endfunction()
