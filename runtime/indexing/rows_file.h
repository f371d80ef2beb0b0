// The rows of a source that is not one plain file, as JSON lines one behind the other.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "runtime/data/index.h"

namespace muster::indexing {

struct RowsFileRequest {
  std::vector<std::string> files;   // Parquet, gzip, zstd or plain, in the order of their rows
  std::filesystem::path output;     // appears whole or not at all
  std::vector<std::string> fields;  // of a Parquet file: whose columns are kept; empty: all
  std::filesystem::path binaries;   // where muster-parquet lies
};

/// Is it one file of plain lines, which is read where it lies?
bool needs_rows_file(const std::vector<std::string>& files);
/// Returns where each file begins in the output. throws: Error::user naming the file that cannot be read.
std::vector<data::Shard> write_rows_file(const RowsFileRequest& request);
/// throws: Error::user when the file is certainly not what it should be: another encoding, an archive, an array.
void check_format(const std::string& path, std::string_view begin);

/// So much of a file tells what it is.
inline constexpr std::int64_t kBeginBytes = 64 << 10;

}  // namespace muster::indexing
