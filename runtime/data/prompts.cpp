#include "runtime/data/prompts.h"

#include <algorithm>

#include "runtime/base/error.h"
#include "runtime/base/text.h"
#include "runtime/data/index.h"
#include "runtime/data/mixture.h"
#include "runtime/data/rows.h"
#include "runtime/data/tokenizer.h"

namespace muster::data {
namespace {

struct Source {
  spec::DataSource asked;
  std::unique_ptr<Rows> rows;
  RowReader reader;
  std::int64_t first = 0;  // number of its first row over all sources
};

std::vector<Source> open_sources(const spec::DataJob& data, const Tokenizer& tokenizer, const PromptOptions& options) {
  std::vector<Source> sources;
  std::int64_t first = 0;
  for (const spec::DataSource& asked : spec::data_sources(data)) {
    std::unique_ptr<Rows> rows;
    if (!options.index_folder.empty() && !is_builtin(asked.path))
      rows = open_indexed_rows(options.index_folder, sources.size(), index_key(data, asked, options.model));
    if (rows == nullptr) rows = open_rows(asked.path);
    const std::int64_t size = rows->size();
    sources.push_back({asked, std::move(rows), RowReader(data, asked, tokenizer, options.model), first});
    first += size;
  }
  return sources;
}

/// The hash of every row's prompt; 0 for a row of which none can be made.
std::vector<std::uint64_t> prompt_hashes(const Source& source) {
  std::vector<std::uint64_t> hashes;
  hashes.reserve(static_cast<std::size_t>(source.rows->size()));
  for (std::int64_t row = 0; row < source.rows->size(); ++row) {
    if (const auto known = source.rows->prompt_hash(row)) {
      hashes.push_back(*known);
      continue;
    }
    try {
      hashes.push_back(prompt_hash(source.reader.render(source.rows->line(row)).text));
    } catch (const Error& error) {
      if (error.kind() != base::ErrorKind::user) throw;
      hashes.push_back(0);
    }
  }
  return hashes;
}

Split split_of(const std::vector<Source>& sources, const spec::DataJob& data, const PromptOptions& options) {
  std::vector<SplitSource> taken;
  bool needs_prompts = options.compare_prompts || data.held_out > 0 || data.held_out_share > 0;
  for (const Source& source : sources) {
    taken.push_back({.rows = source.rows->size(),
                     .validate_only = source.asked.validate_only,
                     .deduplicate = is_deduplicated(data, source.asked)});
    needs_prompts = needs_prompts || taken.back().validate_only || taken.back().deduplicate;
  }
  for (std::size_t s = 0; s < sources.size() && needs_prompts; ++s) taken[s].prompts = prompt_hashes(sources[s]);
  return split_rows(taken, {.count = data.held_out, .share = data.held_out_share}, options.part);
}

/// The rows of each source that belong to the part; sources without any are left out.
std::vector<MixtureSource> mixture_of(const std::vector<Source>& sources, Split& split, Part part) {
  std::vector<MixtureSource> mixture;
  for (std::size_t s = 0; s < sources.size(); ++s) {
    if (split.rows[s].empty()) continue;
    MixtureSource taken{.rows = std::move(split.rows[s]), .weight = part == Part::train ? sources[s].asked.weight : 0};
    for (std::int64_t& row : taken.rows) row += sources[s].first;
    mixture.push_back(std::move(taken));
  }
  split.rows.clear();
  if (mixture.empty())
    throw Error::user({.what = "no rows are held out for validation",
                       .where = "data.held_out",
                       .fix = "set data.held_out, or add a source with validate_only = true"});
  return mixture;
}

}  // namespace

std::int64_t most_prompt_tokens(const spec::DataJob& data, std::int64_t max_sequence_tokens) {
  const std::int64_t most = max_sequence_tokens - 1;
  return data.max_prompt_tokens > 0 ? std::min(data.max_prompt_tokens, most) : most;
}

struct PromptSource::State {
  spec::DataJob data;
  std::uint64_t seed;
  std::int64_t max_prompt_tokens;
  std::vector<Source> sources;
  bool data_has_changed;
  Split split;
  std::vector<MixtureSource> mixture;
  std::vector<std::int64_t> order;  // rows of the epoch
  Cursor cursor;
  std::int64_t seen = 0, refused = 0;

  void begin_epoch(std::int64_t epoch) {
    cursor = {epoch, 0};
    order = epoch_order(mixture, seed, epoch, data.shuffle);
  }

  const Source& source_of(std::int64_t row) const {
    const auto after = std::upper_bound(sources.begin(), sources.end(), row,
                                        [](std::int64_t r, const Source& source) { return r < source.first; });
    return *std::prev(after);
  }

  Prompt read(std::int64_t row) const {
    const Source& source = source_of(row);
    try {
      Prompt made = source.reader.read(source.rows->line(row - source.first));
      made.row = row;
      const auto size = std::ssize(made.tokens);
      if (size > max_prompt_tokens)
        throw Error::user({.what = base::text("the prompt has ", size, " tokens, more than ", max_prompt_tokens)});
      return made;
    } catch (const Error& error) {
      if (!error.faults().at(0).where.empty()) throw;
      throw Error::user({.what = error.faults()[0].what, .where = source.rows->place(row - source.first)});
    }
  }

  /// Does the index know that the row is refused?
  bool is_known_refused(std::int64_t row) const {
    const Source& source = source_of(row);
    const std::int32_t tokens = source.rows->prompt_tokens(row - source.first);
    return tokens == kBroken || tokens > max_prompt_tokens;
  }

  /// Why the row is refused, read again to say so; its place where it can no longer be said.
  std::string refusal(std::int64_t row) const {
    try {
      read(row);
    } catch (const Error& error) {
      if (error.kind() != base::ErrorKind::user) throw;
      return error.what();
    }
    return source_of(row).rows->place(row - source_of(row).first);
  }

  void check_refused(std::int64_t last, std::int64_t refused_in_a_row) const {
    const bool too_many =
        refused >= kForgivenRows && static_cast<double>(refused) > data.max_refused_share * static_cast<double>(seen);
    if (!too_many && refused_in_a_row < std::ssize(order)) return;
    throw Error::user(
        {.what = base::text(refused, " of the ", seen, " rows seen are refused; the last: ", refusal(last)),
         .where = source_of(last).asked.path,
         .fix = base::text(
             "fix the rows, data.prompt and data.answer, or raise data.max_prompt_tokens or data.max_refused_share (",
             data.max_refused_share, ")")});
  }
};

PromptSource::PromptSource(const spec::DataJob& data, const Tokenizer& tokenizer, const PromptOptions& options)
    : state_(std::make_unique<State>(State{.data = data,
                                           .seed = options.seed,
                                           .max_prompt_tokens = most_prompt_tokens(data, options.max_sequence_tokens),
                                           .sources = open_sources(data, tokenizer, options),
                                           .data_has_changed = options.data_has_changed})) {
  state_->split = split_of(state_->sources, data, options);
  state_->mixture = mixture_of(state_->sources, state_->split, options.part);
  state_->begin_epoch(0);
}

PromptSource::~PromptSource() = default;
PromptSource::PromptSource(PromptSource&&) noexcept = default;

std::vector<Prompt> PromptSource::next_prompts(std::int64_t count) {
  std::vector<Prompt> prompts;
  std::int64_t refused_in_a_row = 0;
  const auto refuse = [&](std::int64_t row) {
    ++state_->refused;
    state_->check_refused(row, ++refused_in_a_row);
  };
  while (std::ssize(prompts) < count) {
    if (state_->cursor.position == num_rows()) state_->begin_epoch(state_->cursor.epoch + 1);
    const std::int64_t row = state_->order[state_->cursor.position++];
    ++state_->seen;
    if (state_->is_known_refused(row)) {
      refuse(row);
      continue;
    }
    try {
      prompts.push_back(state_->read(row));
      refused_in_a_row = 0;
    } catch (const Error& error) {
      if (error.kind() != base::ErrorKind::user) throw;
      refuse(row);
    }
  }
  return prompts;
}

Prompt PromptSource::prompt(std::int64_t row) const {
  const Source& last = state_->sources.back();
  const std::int64_t rows = last.first + last.rows->size();
  if (row < 0 || row >= rows)
    throw Error::user({.what = base::text("there is no row ", row, " of ", rows), .where = last.asked.path});
  return state_->read(row);
}

std::int64_t PromptSource::num_rows() const { return std::ssize(state_->order); }
std::int64_t PromptSource::refused() const { return state_->refused; }
const Split& PromptSource::split() const { return state_->split; }
Cursor PromptSource::cursor() const { return state_->cursor; }

void PromptSource::set_cursor(const Cursor& cursor) {
  if (state_->data_has_changed && cursor.epoch >= 0 && cursor.position > num_rows())
    return state_->begin_epoch(cursor.epoch + 1);
  if (cursor.epoch < 0 || cursor.position < 0 || cursor.position > num_rows())
    throw Error::user({.what = base::text("epoch ", cursor.epoch, ", position ", cursor.position,
                                          " cannot lie in a source of ", num_rows(), " rows"),
                       .where = state_->sources.front().asked.path,
                       .fix = "the data has changed since the checkpoint was written"});
  state_->begin_epoch(cursor.epoch);
  state_->cursor = cursor;
}

}  // namespace muster::data
