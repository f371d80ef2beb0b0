// The index of one data source, beside the run: where each row stands, how many tokens its prompt has and which rows
// have the same. Made once, by a process before the ranks, so that they neither look for lines nor tokenise what they
// do not draw; it is mapped, not read. Rows of Parquet, of packed and of several files lie beside it as JSON lines.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "runtime/data/rows.h"
#include "runtime/spec/job.h"

namespace muster::data {

struct IndexEntry {
  std::int64_t begin_bytes = 0;
  std::uint32_t size_bytes = 0;  // UINT32_MAX: or more
  std::uint32_t number = 0;      // of its line, from 1
  std::int32_t prompt_tokens = kBroken;
  std::uint64_t prompt_hash = 0;  // 0: broken
};

/// A file of the source, of those that lie one behind the other in the rows file.
struct Shard {
  std::string path;
  std::int64_t begin_bytes = 0;  // of its first line in the rows file
  std::int64_t first_line = 0;   // lines of the rows file before it
};

/// What an index says of its source as a whole.
struct IndexFacts {
  bool has_rows_file = false;  // lines stand in index_rows_file(), not in the source itself
  std::vector<Shard> shards;   // at least one
  std::string digest;          // of every line in its order
};

/// "train-00001.parquet:17", for errors.
std::string place_in(const IndexFacts& facts, const IndexEntry& entry);

/// What an index was made of, as text: the files with their sizes and times, the fields, the templates, the tokenizer.
/// When any of it changes the index is made anew. throws: Error::user when the file or the tokenizer is not there.
std::string index_key(const spec::DataJob& data, const spec::DataSource& source, const std::filesystem::path& model);

/// "RUN/data/source_0.index" and "RUN/data/source_0.jsonl".
std::filesystem::path index_file(const std::filesystem::path& folder, std::size_t source);
std::filesystem::path index_rows_file(const std::filesystem::path& folder, std::size_t source);

void write_index(const std::filesystem::path& path, const std::string& key, const IndexFacts& facts,
                 const std::vector<IndexEntry>& entries);
/// Does the index exist and was it made of this? A broken one was not.
bool is_index_of(const std::filesystem::path& path, const std::string& key);

class IndexedRows : public Rows {
 public:
  virtual const IndexFacts& facts() const = 0;
};

/// The rows of a source through its index; null when there is no index. `place` of a row names the source's own file.
/// throws: Error::user when the index was made of something else (the data has changed) or is broken.
std::unique_ptr<IndexedRows> open_indexed_rows(const std::filesystem::path& folder, std::size_t source_index,
                                               const std::string& key);

}  // namespace muster::data
