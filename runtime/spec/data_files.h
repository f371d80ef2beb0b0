// The files that data.path means: one file, the shards in a folder, or those that a pattern names.
#pragma once

#include <string>
#include <vector>

namespace muster::spec {

/// Files of a source in sorted order: the file itself; of a folder its Parquet files, else its files of JSON lines
/// (.jsonl, .ndjson, .json, also .gz and .zst), hidden ones and folders below it left out; of a pattern ("*", "?", "[")
/// those that it matches. throws: Error::user (nothing is there, files of both kinds, training and test files side by
/// side, something that is no file: a pipe would be waited for).
std::vector<std::string> data_files(const std::string& path);

/// Is anything there by this name or pattern?
bool is_data_there(const std::string& path);

/// The file or folder that has to be seen for this path: of a pattern the folder above its first "*", "?" or "[".
std::string data_mount(const std::string& path);

}  // namespace muster::spec
