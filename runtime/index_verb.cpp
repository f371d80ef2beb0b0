#include "runtime/index_verb.h"

#include <cstdio>
#include <optional>

#include "runtime/base/clock.h"
#include "runtime/base/process.h"
#include "runtime/base/text.h"
#include "runtime/data/schemas.h"
#include "runtime/indexing/indexer.h"
#include "runtime/reward/grade.h"
#include "runtime/spec/answer_lengths.h"
#include "runtime/spec/data_identity.h"
#include "runtime/spec/plan.h"
#include "runtime/verb_options.h"

namespace muster {
namespace {

constexpr double kSpeak_s = 2;  // between two lines of progress

std::string figures_text(const indexing::IndexFigures& figures) {
  std::string text = base::text(figures.path, ": ");
  if (figures.files > 1) text += base::text(figures.files, " files, ");
  text += base::text(figures.rows, " rows of ", base::bytes_text(figures.bytes), " indexed in ",
                     base::seconds_text(figures.seconds));
  if (figures.broken + figures.too_long > 0)
    text += base::text("; refused: ", figures.broken, " broken, ", figures.too_long, " too long");
  if (figures.unreadable > 0) text += base::text("; ", indexing::unreadable_text(figures));
  for (const std::string& example : figures.examples) text += "\n  " + example;
  for (const std::string* more : {&figures.lengths, &figures.empty_answers})
    if (!more->empty()) text += "\n  " + *more;
  return text + "\n";
}

/// What became of rows with equal prompts; nothing where there are none.
std::string repeats_text(const data::Split& split, const spec::DataJob& job) {
  std::string text;
  if (split.prompts > 1 && split.most_often > 1)
    text += base::text(split.trained_rows, " rows hold ", split.prompts, " different prompts (one of them ",
                       split.most_often, " times); data.deduplicate = \"on\" would keep the first of each\n");
  if (split.left_out > 0)
    text +=
        base::text(split.left_out, " rows repeat the prompt of an earlier one and are left out (data.deduplicate)\n");
  if (split.repeat_held_out > 0)
    text += base::text(split.repeat_held_out, " rows have the prompt of a held-out one and are not trained on\n");
  if (split.prompts != 1 || split.trained_rows < 2) return text;
  text += "warning: every row makes the same prompt";
  for (const spec::DataSource& source : spec::data_sources(job))
    if (const std::string field = data::field_names(source).prompt; field.ends_with(".0.content"))
      return text + base::text(": ", field, " may be a system turn that all rows share; data.messages_field = \"",
                               field.substr(0, field.size() - std::string_view(".0.content").size()),
                               "\" gives all turns to the chat template\n");
  return text + "\n";
}

/// Why no part of the reward that has to read a gold answer can read this one.
std::optional<std::string> why_unreadable(const std::vector<spec::RewardPart>& parts, const std::string& gold) {
  std::optional<std::string> why;
  for (const spec::RewardPart& part : parts) {
    if (part.kind != "math" && part.kind != "choice") continue;
    const auto reason = reward::why_unreadable(part.kind, gold);
    if (!reason) return std::nullopt;
    if (!why) why = reason;
  }
  return why;
}

}  // namespace

int index_data(const std::vector<std::string>& words) {
  const VerbOptions options(words, {"plan"});
  const spec::Plan plan = spec::read_plan(options.at("plan"));
  base::Stopwatch spoken;
  const auto progress = [&](const std::string& path, std::int64_t done, std::int64_t all) {
    if (spoken.elapsed_s() < kSpeak_s) return;
    spoken = {};
    std::fprintf(stderr, "indexing %s: %s of %s\n", path.c_str(), base::bytes_text(done).c_str(),
                 base::bytes_text(all).c_str());
  };
  const std::vector<spec::RewardPart> parts = spec::reward_parts(plan.job.reward);
  const bool is_graded = !spec::is_synthetic(plan.job);
  const indexing::IndexReport report = indexing::make_indexes(
      plan.job.data,
      {.folder = spec::RunPaths{plan.run_folder}.data(),
       .model = plan.job.model.path,
       .binaries = base::executable_folder(),
       .max_sequence_tokens = plan.job.grpo.max_sequence_tokens,
       .why_unreadable =
           [&](const std::string& gold) { return is_graded ? why_unreadable(parts, gold) : std::nullopt; },
       .on_progress = progress});
  bool is_new = false;
  spec::DataIdentity identity;
  for (const indexing::IndexFigures& figures : report.sources) {
    identity.sources.push_back(figures.identity);
    if (!figures.is_kept) std::fputs(figures_text(figures).c_str(), stderr);
    is_new = is_new || !figures.is_kept;
  }
  if (is_new) std::fputs(repeats_text(report.split, plan.job.data).c_str(), stderr);
  for (const std::string& change : spec::keep_data_identity(plan.run_folder, std::move(identity)))
    std::fprintf(stderr, "the data has changed, as --data-changed accepts: %s\n", change.c_str());
  return 0;
}

}  // namespace muster
