# Arrow and Parquet from pyarrow's wheel, which tools/setup unpacked: for muster-parquet alone.
set(ARROW_DIR ${muster_cache_default}/arrow-26.0.1 CACHE PATH "folder that holds pyarrow/include and pyarrow/libparquet.so.2600")
if(NOT EXISTS ${ARROW_DIR}/pyarrow/libparquet.so.2600)
  message(FATAL_ERROR "Arrow 26 is not at ${ARROW_DIR}: run tools/setup, or give -DARROW_DIR=..., or -DWITH_PARQUET=OFF")
endif()
add_library(arrow_parquet INTERFACE)
target_include_directories(arrow_parquet SYSTEM INTERFACE ${ARROW_DIR}/pyarrow/include)
target_link_libraries(arrow_parquet INTERFACE ${ARROW_DIR}/pyarrow/libparquet.so.2600 ${ARROW_DIR}/pyarrow/libarrow.so.2600)
target_link_options(arrow_parquet INTERFACE -Wl,-rpath,${ARROW_DIR}/pyarrow)
