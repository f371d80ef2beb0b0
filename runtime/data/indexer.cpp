#include "runtime/data/indexer.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <limits>
#include <mutex>
#include <thread>

#include "runtime/base/clock.h"
#include "runtime/base/error.h"
#include "runtime/base/text.h"
#include "runtime/data/index.h"
#include "runtime/data/lines.h"
#include "runtime/data/parquet.h"
#include "runtime/data/row_reader.h"
#include "runtime/data/tokenizer.h"

namespace muster::data {
namespace {

namespace fs = std::filesystem;

constexpr int kMostThreads = 4;  // each holds a tokenizer
constexpr std::size_t kShown = 5;

struct Chunk {
  std::vector<IndexEntry> entries;  // numbers within the chunk
  std::int64_t lines = 0, tokens = 0;
  std::vector<std::pair<std::size_t, std::string>> broken;  // which entry, why
};

Chunk read_chunk(const LineFile& file, std::int64_t number, const RowReader& reader) {
  Chunk chunk;
  chunk.lines = file.read_chunk(number, [&](const Line& line) {
    IndexEntry entry{.begin_bytes = line.begin_bytes,
                     .size_bytes = static_cast<std::uint32_t>(
                         std::min<std::int64_t>(line.size_bytes, std::numeric_limits<std::uint32_t>::max())),
                     .number = static_cast<std::uint32_t>(line.number + 1)};
    try {
      if (line.size_bytes > kLongestLineBytes)
        throw Error::user({.what = base::text("a line of ", base::bytes_text(line.size_bytes))});
      entry.prompt_tokens = static_cast<std::int32_t>(reader.read(std::string(line.text)).tokens.size());
      chunk.tokens += entry.prompt_tokens;
    } catch (const Error& error) {
      if (error.kind() != base::ErrorKind::user) throw;
      if (chunk.broken.size() < kShown) chunk.broken.emplace_back(chunk.entries.size(), error.faults().at(0).what);
    }
    chunk.entries.push_back(entry);
  });
  return chunk;
}

/// Every chunk of the file, each read by one of the threads.
std::vector<Chunk> read_chunks(const LineFile& file, const spec::DataJob& data, const spec::DataSource& source,
                               const IndexOptions& options) {
  std::vector<Chunk> chunks(static_cast<std::size_t>(file.num_chunks()));
  std::atomic<std::int64_t> next = 0, done_bytes = 0;
  std::mutex guard;  // of failure and of on_progress
  std::exception_ptr failure;
  const auto work = [&] {
    try {
      const Tokenizer tokenizer = Tokenizer::read(options.model);
      const RowReader reader(data, source, tokenizer, options.model);
      for (std::int64_t c = next++; c < file.num_chunks(); c = next++) {
        chunks[static_cast<std::size_t>(c)] = read_chunk(file, c, reader);
        done_bytes += options.chunk_bytes;
        const std::scoped_lock lock(guard);
        if (options.on_progress)
          options.on_progress(source.path, std::min(done_bytes.load(), file.size_bytes()), file.size_bytes());
      }
    } catch (...) {  // kept, and raised again where the threads are joined
      const std::scoped_lock lock(guard);
      if (!failure) failure = std::current_exception();
      next = file.num_chunks();
    }
  };
  const std::int64_t most =
      options.threads > 0 ? options.threads : std::min<std::int64_t>(kMostThreads, std::thread::hardware_concurrency());
  {
    std::vector<std::jthread> threads;
    for (std::int64_t t = 1; t < std::min(most, file.num_chunks()); ++t) threads.emplace_back(work);
    work();
  }
  if (failure) std::rethrow_exception(failure);
  return chunks;
}

// The columns of a Parquet file that are kept; none: all of them.
std::vector<std::string> columns_of(const spec::DataJob& data, const spec::DataSource& source,
                                    const IndexOptions& options) {
  if (std::find(data.columns.begin(), data.columns.end(), "*") != data.columns.end()) return {};
  const Tokenizer tokenizer = Tokenizer::read(options.model);
  std::vector<std::string> columns = RowReader(data, source, tokenizer, options.model).columns();
  for (const std::string& column : data.columns)
    if (std::find(columns.begin(), columns.end(), column) == columns.end()) columns.push_back(column);
  return columns;
}

void check_refused(const IndexFigures& figures, const spec::DataJob& data, std::int64_t most_tokens) {
  if (figures.rows == 0)
    throw Error::user({.what = "the file holds no rows",
                       .where = figures.path,
                       .fix = "data.path is a file of JSON objects, one a line, or a Parquet file"});
  const std::int64_t refused = figures.broken + figures.too_long;
  const bool all = refused == figures.rows;
  if (!all && (refused < kForgivenRows ||
               static_cast<double>(refused) <= data.max_refused_share * static_cast<double>(figures.rows)))
    return;
  std::string what =
      base::text(refused, " of ", figures.rows, " rows are refused: ", figures.broken, " no prompt can be made of, ",
                 figures.too_long, " have more than ", most_tokens, " tokens");
  for (const std::string& example : figures.examples) what += "\n      " + example;
  throw Error::user(
      {.what = what,
       .where = figures.path,
       .fix = base::text("mend the rows, the fields or the templates, or raise data.max_prompt_tokens or ",
                         "data.max_refused_share (", data.max_refused_share, ")")});
}

IndexFigures make_index(const spec::DataJob& data, const spec::DataSource& source, std::size_t number,
                        const IndexOptions& options) {
  const base::Stopwatch watch;
  IndexFigures figures{.path = source.path};
  const std::string key = index_key(data, source, options.model);
  const fs::path path = index_file(options.folder, number);
  figures.is_kept = is_index_of(path, key);
  std::vector<IndexEntry> entries;
  std::string rows_file = source.path;
  if (figures.is_kept) {
    const auto rows = open_indexed_rows(options.folder, number, source, key);
    for (std::int64_t row = 0; row < rows->size(); ++row)
      entries.push_back({.prompt_tokens = rows->prompt_tokens(row)});
  } else {
    if (is_parquet(source.path)) {
      rows_file = index_rows_file(options.folder, number).string();
      parquet_to_lines({.input = source.path,
                        .output = rows_file,
                        .columns = columns_of(data, source, options),
                        .binaries = options.binaries});
    }
    const LineFile file(rows_file, options.chunk_bytes);
    figures.bytes = file.size_bytes();
    std::int64_t lines = 0;
    for (const Chunk& chunk : read_chunks(file, data, source, options)) {
      for (const auto& [entry, why] : chunk.broken)
        if (figures.examples.size() < kShown)
          figures.examples.push_back(base::text(source.path, ":", lines + chunk.entries[entry].number, ": ", why));
      for (IndexEntry entry : chunk.entries) {
        entry.number += static_cast<std::uint32_t>(lines);
        entries.push_back(entry);
      }
      lines += chunk.lines;
      figures.tokens += chunk.tokens;
    }
  }
  figures.rows = static_cast<std::int64_t>(entries.size());
  for (const IndexEntry& entry : entries) {
    figures.broken += entry.prompt_tokens == kBroken ? 1 : 0;
    figures.too_long += entry.prompt_tokens > options.max_prompt_tokens ? 1 : 0;
  }
  check_refused(figures, data, options.max_prompt_tokens);
  if (!figures.is_kept) write_index(path, key, entries);
  figures.seconds = watch.elapsed_s();
  return figures;
}

}  // namespace

std::vector<IndexFigures> make_indexes(const spec::DataJob& data, const IndexOptions& options) {
  const std::vector<spec::DataSource> sources = spec::data_sources(data);
  std::vector<IndexFigures> figures;
  for (std::size_t s = 0; s < sources.size(); ++s) {
    if (is_builtin(sources[s].path)) continue;
    base::make_folder(options.folder);
    figures.push_back(make_index(data, sources[s], s, options));
  }
  return figures;
}

std::int64_t most_prompt_tokens(const spec::DataJob& data, std::int64_t max_sequence_tokens) {
  const std::int64_t most = max_sequence_tokens - 1;
  return data.max_prompt_tokens > 0 ? std::min(data.max_prompt_tokens, most) : most;
}

}  // namespace muster::data
