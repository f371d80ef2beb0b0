#include "launcher/compare/compare.h"

#include <algorithm>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "launcher/cli/shared_flags.h"
#include "launcher/compare/comparison.h"
#include "launcher/records/followed_run.h"
#include "launcher/rows/row_job.h"
#include "runtime/base/error.h"
#include "runtime/base/json_text.h"
#include "runtime/base/text.h"

namespace muster::compare {
namespace {

struct CompareOptions {
  std::vector<std::string> words;
  bool json = false;
};

/// What one word names: a published row, or a run and what its records say.
struct Named {
  std::string word;
  std::optional<rows::PublishedRow> row;
  std::unique_ptr<records::FollowedRun> run;  // none of a row
};

Named named(const std::string& word, const std::vector<rows::PublishedRow>& rows) {
  const auto row =
      std::find_if(rows.begin(), rows.end(), [&](const rows::PublishedRow& one) { return one.id == word; });
  if (row != rows.end()) return {word, *row, nullptr};
  auto run = std::make_unique<records::FollowedRun>(records::find_run(word));
  run->read();
  return {word, std::nullopt, std::move(run)};
}

Side side_of(const Named& named, std::int64_t last_step) {
  if (named.row) return side_of_row(*named.row, rows::job_of(*named.row));
  return side_of_run(named.word, named.run->plan.job, named.run->records(), last_step);
}

int compare(const CompareOptions& options) {
  if (options.words.size() != 2)
    throw Error::user({.what = "compare takes two names",
                       .where = "command line",
                       .fix = "write muster compare RUN RUN, or muster compare RUN ROW"});
  const std::vector<rows::PublishedRow> rows = rows::shipped_rows();
  const Named first = named(options.words[0], rows), second = named(options.words[1], rows);
  const std::int64_t last_step = first.run && second.run ? common_step(first.run->records(), second.run->records())
                                                         : std::numeric_limits<std::int64_t>::max();
  const Side left = side_of(first, last_step), right = side_of(second, last_step);
  base::print(stdout,
              options.json ? base::json_text(comparison_value(left, right), 2) + "\n" : comparison_page(left, right));
  return 0;
}

}  // namespace

cli::Verb compare_verb() {
  return cli::make_verb<CompareOptions>(
      {.name = "compare",
       .usage = "RUN RUN | RUN ROW [--json]",
       .summary = "two runs, or a run and a published row: figures with their ratio, settings that differ",
       .example = "muster compare runs/sums-1 runs/sums-2",
       .max_words = 2},
      [](cli::Flags& flags, CompareOptions& options) { cli::add_json_flag(flags, options.json); }, compare);
}

}  // namespace muster::compare
