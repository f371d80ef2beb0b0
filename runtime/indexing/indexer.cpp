// A source is read in chunks, each by one of the threads; what they found is put together in the order of the rows, so
// that the index is the same for any number of threads.
#include "runtime/indexing/indexer.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <limits>
#include <mutex>
#include <optional>
#include <thread>

#include "runtime/base/clock.h"
#include "runtime/base/error.h"
#include "runtime/base/random.h"
#include "runtime/base/text.h"
#include "runtime/data/index.h"
#include "runtime/data/lines.h"
#include "runtime/data/prompts.h"
#include "runtime/data/row_reader.h"
#include "runtime/data/tokenizer.h"
#include "runtime/indexing/other_format.h"
#include "runtime/indexing/refusals.h"
#include "runtime/indexing/rows_file.h"
#include "runtime/spec/data_files.h"

namespace muster::indexing {
namespace {

namespace fs = std::filesystem;
using data::IndexEntry;

constexpr int kMostThreads = 4;  // each holds a tokenizer
constexpr std::size_t kShown = 5;

struct Chunk {
  std::vector<IndexEntry> entries;         // line numbers within the chunk
  std::vector<std::uint64_t> line_hashes;  // of each entry
  std::int64_t lines = 0, tokens = 0, empty_answers = 0, unreadable = 0;
  std::size_t first_empty_answer = 0;
  RowFaults faults;
  EncodingFigures encoding;
};

class ChunkReader {
 public:
  ChunkReader(const data::RowReader& reader, const IndexOptions& options) : reader_(reader), options_(options) {}

  Chunk read(const data::LineFile& file, std::int64_t number) const {
    Chunk chunk;
    chunk.lines = file.read_chunk(number, [&](const data::Line& line) { add(line, chunk); });
    return chunk;
  }

 private:
  void add(const data::Line& line, Chunk& chunk) const {
    IndexEntry entry{.begin_bytes = line.begin_bytes,
                     .size_bytes = static_cast<std::uint32_t>(
                         std::min<std::int64_t>(line.size_bytes, std::numeric_limits<std::uint32_t>::max())),
                     .number = static_cast<std::uint32_t>(line.number + 1)};
    const std::size_t row = chunk.entries.size();
    try {
      if (line.size_bytes > data::kLongestLineBytes)
        throw Error::user({.what = base::text("a line of ", base::bytes_text(line.size_bytes))});
      chunk.encoding.add(row, line.text);
      const data::Prompt prompt = reader_.read(std::string(line.text));
      check_gold(prompt.gold, chunk);
      entry.prompt_tokens = static_cast<std::int32_t>(prompt.tokens.size());
      entry.prompt_hash = data::prompt_hash(prompt.text);
      chunk.tokens += entry.prompt_tokens;
      if (reader_.has_gold() && base::trim(prompt.gold).empty() && chunk.empty_answers++ == 0)
        chunk.first_empty_answer = row;
    } catch (const Error& error) {
      if (error.kind() != base::ErrorKind::user) throw;
      chunk.faults.add(row, error.faults().at(0).what);
    }
    chunk.entries.push_back(entry);
    chunk.line_hashes.push_back(base::hash_bytes(line.text.data(), line.text.size()));
  }

  void check_gold(const std::string& gold, Chunk& chunk) const {
    if (!options_.why_unreadable || !reader_.has_gold()) return;
    const auto why = options_.why_unreadable(gold);
    if (!why) return;
    ++chunk.unreadable;
    throw Error::user({.what = *why});
  }

  const data::RowReader& reader_;
  const IndexOptions& options_;
};

/// The tokenizer of this thread, read when the first row asks for it: an index that is kept needs none.
class LazyTokenizer {
 public:
  explicit LazyTokenizer(const fs::path& model) : model_(model) {}
  const data::Tokenizer& get() {
    if (!tokenizer_) tokenizer_.emplace(data::Tokenizer::read(model_));
    return *tokenizer_;
  }

 private:
  const fs::path& model_;
  std::optional<data::Tokenizer> tokenizer_;
};

/// Every chunk of the file, each read by one of the threads; `own` is this one's tokenizer.
std::vector<Chunk> read_chunks(const data::LineFile& file, const spec::DataJob& data, const spec::DataSource& source,
                               const IndexOptions& options, LazyTokenizer& own) {
  std::vector<Chunk> chunks(static_cast<std::size_t>(file.num_chunks()));
  std::atomic<std::int64_t> next = 0, done_bytes = 0;
  std::mutex guard;  // of failure and of on_progress
  std::exception_ptr failure;
  const auto work = [&](LazyTokenizer& tokenizer) {
    try {
      const data::RowReader reader(data, source, tokenizer.get(), options.model);
      for (std::int64_t c = next++; c < file.num_chunks(); c = next++) {
        chunks[c] = ChunkReader(reader, options).read(file, c);
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
    for (std::int64_t t = 1; t < std::min(most, file.num_chunks()); ++t)
      threads.emplace_back([&] {
        LazyTokenizer another(options.model);
        work(another);
      });
    work(own);
  }
  if (failure) std::rethrow_exception(failure);
  return chunks;
}

/// The fields whose columns are kept of a Parquet file; none: all of them.
std::vector<std::string> kept_fields(const spec::DataJob& data, const spec::DataSource& source,
                                     const IndexOptions& options, const data::Tokenizer& tokenizer) {
  if (std::find(data.columns.begin(), data.columns.end(), "*") != data.columns.end()) return {};
  std::vector<std::string> fields = data::RowReader(data, source, tokenizer, options.model).fields();
  for (const std::string& column : data.columns)
    if (std::find(fields.begin(), fields.end(), column) == fields.end()) fields.push_back(column);
  return fields;
}

/// Makes the index of one source.
class SourceIndexer {
 public:
  SourceIndexer(const spec::DataJob& data, const spec::DataSource& source, std::size_t number,
                const IndexOptions& options, LazyTokenizer& tokenizer)
      : data_(data),
        source_(source),
        number_(number),
        options_(options),
        tokenizer_(tokenizer),
        most_tokens_(data::most_prompt_tokens(data, options.max_sequence_tokens)) {}

  IndexFigures make() {
    const base::Stopwatch watch;
    figures_.path = source_.path;
    const std::vector<std::string> files = spec::data_files(source_.path);
    figures_.files = std::ssize(files);
    const std::string key = data::index_key(data_, source_, options_.model);
    const fs::path path = data::index_file(options_.folder, number_);
    figures_.is_kept = data::is_index_of(path, key);
    if (figures_.is_kept)
      take_kept(key);
    else
      read(files);
    figures_.rows = std::ssize(tokens_);
    for (const std::int32_t tokens : tokens_) {
      figures_.broken += tokens == data::kBroken ? 1 : 0;
      figures_.too_long += tokens > most_tokens_ ? 1 : 0;
    }
    describe_lengths();
    check_rows();
    if (!figures_.is_kept) data::write_index(path, key, facts_, entries_);
    figures_.identity = {.path = source_.path, .rows = figures_.rows, .digest = facts_.digest};
    for (const std::string& file : files) figures_.identity.files.push_back(spec::data_file_facts(file));
    figures_.seconds = watch.elapsed_s();
    return std::move(figures_);
  }

 private:
  void take_kept(const std::string& key) {
    const auto rows = data::open_indexed_rows(options_.folder, number_, key);
    facts_ = rows->facts();
    for (std::int64_t row = 0; row < rows->size(); ++row) tokens_.push_back(rows->prompt_tokens(row));
  }

  void read(const std::vector<std::string>& files) {
    std::string rows_file = files[0];
    facts_.has_rows_file = needs_rows_file(files);
    facts_.shards = {{files[0], 0, 0}};
    if (facts_.has_rows_file) {
      rows_file = data::index_rows_file(options_.folder, number_).string();
      facts_.shards = write_rows_file({.files = files,
                                       .output = rows_file,
                                       .fields = kept_fields(data_, source_, options_, tokenizer_.get()),
                                       .binaries = options_.binaries});
    }
    const data::LineFile file(rows_file, options_.chunk_bytes);
    figures_.bytes = file.size_bytes();
    begin_ = file.read(0, std::min(file.size_bytes(), kBeginBytes));
    if (!facts_.has_rows_file) check_format(files[0], begin_);
    EncodingFigures encoding;
    RowFaults faults;
    std::uint64_t digest = 0;
    std::int64_t lines = 0, empty_answers = 0;
    std::size_t first_empty_answer = 0;
    std::vector<Chunk> chunks = read_chunks(file, data_, source_, options_, tokenizer_);
    for (Chunk& chunk : chunks) {
      const std::size_t first = entries_.size();
      if (empty_answers == 0) first_empty_answer = first + chunk.first_empty_answer;
      empty_answers += chunk.empty_answers;
      figures_.unreadable += chunk.unreadable;
      faults.append(chunk.faults, first);
      encoding.append(chunk.encoding, first);
      for (IndexEntry entry : chunk.entries) {
        entry.number += static_cast<std::uint32_t>(lines);
        entries_.push_back(entry);
        tokens_.push_back(entry.prompt_tokens);
      }
      for (const std::uint64_t hash : chunk.line_hashes) digest = base::mix64(digest ^ hash);
      lines += chunk.lines;
      figures_.tokens += chunk.tokens;
      chunk = {};  // of a large file two copies would not fit
    }
    facts_.digest = base::text(std::hex, digest);
    // Bytes in a column of Parquet are no text of another encoding.
    if (data::file_kind(files[0]) != data::FileKind::parquet) check_encoding(encoding);
    describe(faults);
    if (empty_answers > 0)
      figures_.empty_answers = base::text(empty_answers, empty_answers == 1 ? " row has" : " rows have",
                                          " an empty gold answer, the first at ", place_of(first_empty_answer));
  }

  std::string place_of(std::size_t row) const { return data::place_in(facts_, entries_[row]); }

  void describe(const RowFaults& faults) {
    for (const RowFault& fault : faults.list()) {
      if (figures_.examples.size() == kShown) break;
      figures_.examples.push_back(base::text(place_of(fault.row), ": ", fault.what,
                                             fault.rows > 1 ? base::text(" (", fault.rows, " rows)") : ""));
    }
  }

  void describe_lengths() {
    if (figures_.too_long == 0) return;
    const PromptLengths lengths = lengths_of(tokens_);
    figures_.lengths = base::text("the longest prompt has ", lengths.longest, " tokens",
                                  entries_.empty() ? "" : " (" + place_of(lengths.longest_row) + ")",
                                  ", 95 of 100 have at most ", lengths.p95);
  }

  void check_encoding(const EncodingFigures& encoding) const {
    if (!encoding.is_other()) return;
    const OtherFormat other = encoding_of(encoding.text);
    throw Error::user({.what = base::text("this is no UTF-8: it seems to be ", other.seems, " (", encoding.wrong,
                                          " of the ", encoding.beyond_ascii, " lines that go beyond ASCII are broken)"),
                       .where = place_of(encoding.first_row),
                       .fix = fix_for(other, facts_.shards[0].path)});
  }

  void check_rows() const {
    if (figures_.rows == 0)
      throw Error::user({.what = "the file holds no rows",
                         .where = figures_.path,
                         .fix = "data.path is a file of JSON objects, one a line, or a Parquet file"});
    const std::int64_t refused = figures_.broken + figures_.too_long;
    const bool all = refused == figures_.rows;
    if (!all && (refused < data::kForgivenRows ||
                 static_cast<double>(refused) <= data_.max_refused_share * static_cast<double>(figures_.rows)))
      return;
    if (const auto other = figures_.broken == figures_.rows ? other_format(begin_) : std::nullopt)
      refuse_format(*other, facts_.shards[0].path);
    std::string what =
        base::text(refused, " of ", figures_.rows, " rows are refused: ", figures_.broken,
                   figures_.unreadable > 0 ? base::text(" are broken (", unreadable_text(figures_), "), ")
                                           : std::string(" no prompt can be made of, "),
                   figures_.too_long, " have more than ", most_tokens_, " tokens");
    for (const std::string& example : figures_.examples) what += "\n      " + example;
    if (!figures_.lengths.empty()) what += "\n      " + figures_.lengths;
    throw Error::user({.what = what, .where = figures_.path, .fix = fix_of_rows(all)});
  }

  std::string fix_of_rows(bool all) const {
    std::vector<std::string> ways;
    if (figures_.unreadable > 0)
      ways.push_back("fix the gold answers, or choose their field (data.answer_field) or another reward.kind");
    if (figures_.broken > figures_.unreadable)
      ways.push_back("fix the rows, or name their fields (data.prompt_field, data.answer_field)");
    if (figures_.too_long > 0)
      ways.push_back(data_.max_prompt_tokens > 0 ? "raise data.max_prompt_tokens or grpo.max_sequence_tokens"
                                                 : "raise grpo.max_sequence_tokens");
    if (!all) ways.push_back(base::text("raise data.max_refused_share (", data_.max_refused_share, ")"));
    return base::join(ways, "; ");
  }

  const spec::DataJob& data_;
  const spec::DataSource& source_;
  const std::size_t number_;
  const IndexOptions& options_;
  LazyTokenizer& tokenizer_;
  const std::int64_t most_tokens_;
  IndexFigures figures_;
  data::IndexFacts facts_;
  std::vector<IndexEntry> entries_;   // empty where the index is kept
  std::vector<std::int32_t> tokens_;  // of each row's prompt
  std::string begin_;                 // of the first file
};

}  // namespace

std::string unreadable_text(const IndexFigures& figures) {
  return base::text(figures.unreadable, figures.unreadable == 1 ? " has a gold answer" : " have gold answers",
                    " that the grader cannot read");
}

IndexReport make_indexes(const spec::DataJob& data, const IndexOptions& options) {
  const std::vector<spec::DataSource> sources = spec::data_sources(data);
  IndexReport report;
  LazyTokenizer tokenizer(options.model);
  bool all_kept = true;
  for (std::size_t s = 0; s < sources.size(); ++s) {
    if (data::is_builtin(sources[s].path)) continue;
    base::make_folder(options.folder);
    report.sources.push_back(SourceIndexer(data, sources[s], s, options, tokenizer).make());
    all_kept = all_kept && report.sources.back().is_kept;
  }
  if (all_kept) return report;
  report.split = data::PromptSource(data, tokenizer.get(),
                                    {.max_sequence_tokens = options.max_sequence_tokens,
                                     .index_folder = options.folder,
                                     .model = options.model,
                                     .compare_prompts = true})
                     .split();
  return report;
}

}  // namespace muster::indexing
