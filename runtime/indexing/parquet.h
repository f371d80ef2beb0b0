// Parquet files, read by a program of their own (muster-parquet): Arrow's libraries are large, and a file that lies
// must not take the index with it.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "runtime/spec/job.h"

namespace muster::indexing {

struct ParquetRequest {
  std::filesystem::path input, output;  // output: JSON lines, appears whole or not at all
  std::vector<std::string> fields;      // by name or path: only their columns; empty: all
  std::filesystem::path binaries;       // where muster-parquet lies
};

/// throws: Error::user naming the file: it is no Parquet file, it lies, a column is missing, or this build has no
/// reader.
void parquet_to_lines(const ParquetRequest& request);

}  // namespace muster::indexing
