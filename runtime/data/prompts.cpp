#include "runtime/data/prompts.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>

#include "runtime/base/error.h"
#include "runtime/base/random.h"
#include "runtime/base/text.h"
#include "runtime/data/prompt_template.h"
#include "runtime/data/rows.h"
#include "runtime/data/tokenizer.h"

namespace muster::data {
namespace {

constexpr std::int64_t kForgiven = 8;  // a share of few rows says nothing

// The rows of one part, in the order of the file.
std::vector<std::int64_t> rows_of(std::int64_t num_rows, std::int64_t held_out, Part part) {
  std::vector<std::int64_t> rows(static_cast<std::size_t>(num_rows));
  std::iota(rows.begin(), rows.end(), 0);
  if (held_out == 0 && part == Part::train) return rows;
  rows = base::permutation(base::RandomKey(0, base::Purpose::data_order, ~std::uint64_t{0}), num_rows);
  if (part == Part::held_out)
    rows.resize(static_cast<std::size_t>(held_out));
  else
    rows.erase(rows.begin(), rows.begin() + held_out);
  std::sort(rows.begin(), rows.end());
  return rows;
}

}  // namespace

struct PromptSource::State {
  spec::DataJob data;
  std::uint64_t seed;
  const Tokenizer& tokenizer;
  std::int64_t max_prompt_tokens;
  std::unique_ptr<Rows> source;
  PromptTemplate prompt, answer;
  std::vector<std::int64_t> rows;   // of this part
  std::vector<std::int64_t> order;  // of the epoch: places in `rows`
  Cursor cursor;
  std::int64_t seen = 0, refused = 0;

  void begin_epoch(std::int64_t epoch) {
    cursor = {epoch, 0};
    const auto count = static_cast<std::int64_t>(rows.size());
    if (data.shuffle) {
      order =
          base::permutation(base::RandomKey(seed, base::Purpose::data_order, static_cast<std::uint64_t>(epoch)), count);
    } else if (order.empty()) {
      order.resize(rows.size());
      std::iota(order.begin(), order.end(), 0);
    }
  }

  Prompt read(std::int64_t row) const {
    try {
      Prompt made{.row = row, .json = source->line(row)};
      const auto object = nlohmann::json::parse(made.json);
      if (!object.is_object()) throw Error::user({.what = base::text("the row is no object but ", object.type_name())});
      made.text = prompt.filled(object);
      made.gold = answer.filled(object);
      made.tokens = tokenizer.encode(made.text, false);
      const auto size = static_cast<std::int64_t>(made.tokens.size());
      if (size == 0) throw Error::user({.what = "the prompt is empty"});
      if (size > max_prompt_tokens)
        throw Error::user({.what = base::text("the prompt has ", size, " tokens, more than ", max_prompt_tokens)});
      return made;
    } catch (const nlohmann::json::exception& error) {
      throw Error::user({.what = std::string("the row is no JSON: ") + error.what(), .where = source->place(row)});
    } catch (const Error& error) {
      if (!error.faults().at(0).where.empty()) throw;
      throw Error::user({.what = error.faults()[0].what, .where = source->place(row)});
    }
  }

  void check_refused(const std::string& last, std::int64_t refused_in_a_row) const {
    const bool too_many =
        refused >= kForgiven && static_cast<double>(refused) > data.max_refused_share * static_cast<double>(seen);
    if (!too_many && refused_in_a_row < static_cast<std::int64_t>(rows.size())) return;
    throw Error::user(
        {.what = base::text(refused, " of the ", seen, " rows seen are refused; the last: ", last),
         .where = data.path,
         .fix = base::text(
             "mend the rows, data.prompt and data.answer, or raise data.max_prompt_tokens or data.max_refused_share (",
             data.max_refused_share, ")")});
  }
};

PromptSource::PromptSource(const spec::DataJob& data, std::uint64_t seed, const Tokenizer& tokenizer,
                           std::int64_t max_sequence_tokens, Part part)
    : state_(std::make_unique<State>(
          State{.data = data, .seed = seed, .tokenizer = tokenizer, .max_prompt_tokens = max_sequence_tokens - 1})) {
  if (data.max_prompt_tokens > 0) state_->max_prompt_tokens = std::min(data.max_prompt_tokens, max_sequence_tokens - 1);
  state_->prompt = PromptTemplate::parse(data.prompt, "data.prompt");
  state_->answer = PromptTemplate::parse(data.answer, "data.answer");
  state_->source = open_rows(data.path);
  const std::int64_t num_rows = state_->source->size(), held_out = data.held_out;
  if (held_out < 0 || held_out >= num_rows || (part == Part::held_out && held_out == 0))
    throw Error::user({.what = base::text(held_out, " rows of ", num_rows, " cannot be held out"),
                       .where = "data.held_out",
                       .fix = "at least one row has to stay on each side that is used"});
  state_->rows = rows_of(num_rows, held_out, part);
  state_->begin_epoch(0);
}

PromptSource::~PromptSource() = default;

std::vector<Prompt> PromptSource::next_prompts(std::int64_t count) {
  std::vector<Prompt> prompts;
  std::int64_t refused_in_a_row = 0;
  while (static_cast<std::int64_t>(prompts.size()) < count) {
    if (state_->cursor.position == num_rows()) state_->begin_epoch(state_->cursor.epoch + 1);
    const std::int64_t place = state_->order[static_cast<std::size_t>(state_->cursor.position++)];
    ++state_->seen;
    try {
      prompts.push_back(state_->read(state_->rows[static_cast<std::size_t>(place)]));
      refused_in_a_row = 0;
    } catch (const Error& error) {
      if (error.kind() != base::ErrorKind::user) throw;
      ++state_->refused;
      state_->check_refused(error.what(), ++refused_in_a_row);
    }
  }
  return prompts;
}

Prompt PromptSource::prompt(std::int64_t row) const {
  if (row < 0 || row >= state_->source->size())
    throw Error::user(
        {.what = base::text("there is no row ", row, " of ", state_->source->size()), .where = state_->data.path});
  return state_->read(row);
}

std::int64_t PromptSource::num_rows() const { return static_cast<std::int64_t>(state_->rows.size()); }
std::int64_t PromptSource::refused() const { return state_->refused; }
Cursor PromptSource::cursor() const { return state_->cursor; }

void PromptSource::set_cursor(const Cursor& cursor) {
  if (cursor.epoch < 0 || cursor.position < 0 || cursor.position > num_rows())
    throw Error::user({.what = base::text("epoch ", cursor.epoch, ", position ", cursor.position,
                                          " cannot lie in a source of ", num_rows(), " rows"),
                       .where = state_->data.path,
                       .fix = "the data has changed since the checkpoint was written"});
  state_->begin_epoch(cursor.epoch);
  state_->cursor = cursor;
}

}  // namespace muster::data
