#include "runtime/try_verb.h"

#include <stdlib.h>

#include <algorithm>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "runtime/base/files.h"
#include "runtime/base/json_text.h"
#include "runtime/base/text.h"
#include "runtime/base/utf8.h"
#include "runtime/data/builtin_tasks.h"
#include "runtime/data/prompts.h"
#include "runtime/data/row_reader.h"
#include "runtime/data/rows.h"
#include "runtime/data/tokenizer.h"
#include "runtime/node/rank_start.h"
#include "runtime/reward/client.h"
#include "runtime/reward/own_worker.h"
#include "runtime/spec/answer_lengths.h"
#include "runtime/spec/data_files.h"
#include "runtime/spec/plan.h"
#include "runtime/verb_options.h"

namespace muster {
namespace {

using base::text;
using nlohmann::ordered_json;

constexpr std::int64_t kRows = 1000;  // of each source, at most
constexpr std::int64_t kBytes = 64 << 20;
constexpr std::int64_t kGradedRows = 3;
constexpr const char* kNonsense = "I do not know.";

/// The first lines of a source.
struct Lines {
  std::vector<std::string> lines, places;
  bool is_all = false;    // the source has no others
  std::string not_tried;  // why none were read
};

Lines first_lines(const std::string& path) {
  Lines found;
  if (data::is_builtin(path)) {
    const std::unique_ptr<data::Rows> rows = data::open_rows(path);
    found.is_all = rows->size() <= kRows;
    for (std::int64_t row = 0; row < std::min(rows->size(), kRows); ++row) {
      found.lines.push_back(rows->line(row));
      found.places.push_back(rows->place(row));
    }
    return found;
  }
  const std::vector<std::string> files = spec::data_files(path);
  if (data::file_kind(files.front()) != data::FileKind::lines) {
    found.not_tried = "packed or Parquet: read when the run indexes it";
    return found;
  }
  std::ifstream in(files.front());
  std::string line;
  std::int64_t number = 0, bytes = 0;
  while (std::ssize(found.lines) < kRows && bytes < kBytes && std::getline(in, line)) {
    ++number;
    bytes += std::ssize(line);
    if (base::trim(line).empty()) continue;
    found.lines.push_back(line);
    found.places.push_back(text(path, ":", number));
  }
  found.is_all = files.size() == 1 && in.peek() == std::ifstream::traits_type::eof();
  return found;
}

/// What one source is, as far as it was read.
struct Tried {
  ordered_json facts;
  std::vector<data::Prompt> prompts;  // the first good ones
  std::vector<std::string> places;    // of them
};

Tried try_source(const spec::Plan& plan, const spec::DataSource& source, const data::Tokenizer& tokenizer) {
  const spec::DataJob& job = plan.job.data;
  const data::RowReader reader(job, source, tokenizer, plan.job.model.path);
  const Lines lines = first_lines(source.path);
  const std::int64_t limit = data::most_prompt_tokens(job, plan.job.grpo.max_sequence_tokens);
  std::vector<std::int64_t> lengths;
  std::int64_t refused = 0, too_long = 0;
  std::string example;
  Tried tried;
  for (std::size_t i = 0; i < lines.lines.size(); ++i) {
    try {
      data::Prompt prompt = reader.read(lines.lines[i]);
      lengths.push_back(std::ssize(prompt.tokens));
      if (lengths.back() > limit) {
        ++too_long;
      } else if (std::ssize(tried.prompts) < kGradedRows) {
        tried.prompts.push_back(std::move(prompt));
        tried.places.push_back(lines.places[i]);
      }
    } catch (const Error& error) {
      if (++refused == 1) example = text(lines.places[i], ": ", error.faults().front().what);
    }
  }
  const std::int64_t rows = std::ssize(lines.lines), bad = refused + too_long;
  std::sort(lengths.begin(), lengths.end());
  const auto at = [&](double share) {
    return lengths.empty() ? 0 : lengths[static_cast<std::size_t>(share * static_cast<double>(lengths.size() - 1))];
  };
  if (bad == rows && rows > 0)
    throw Error::user({.what = text(lines.is_all ? "all " : "the first ", rows, " rows are refused: ", refused,
                                    " could not be rendered, ", too_long, " have more than ", limit, " tokens"),
                       .where = source.path,
                       .fix = !example.empty() ? example
                                               : text("the shortest prompt has ", at(0), " tokens, the median one ",
                                                      at(0.5), ": raise grpo.max_sequence_tokens")});
  if (lines.is_all && bad >= data::kForgivenRows &&
      static_cast<double>(bad) > job.max_refused_share * static_cast<double>(rows))
    throw Error::user({.what = text(bad, " of ", rows, " rows are refused: ", refused, " could not be rendered, ",
                                    too_long, " have more than ", limit, " tokens"),
                       .where = source.path,
                       .fix = text(example.empty() ? "" : example + "; ",
                                   "fix the rows, or raise data.max_refused_share (", job.max_refused_share, ")")});
  if (lines.is_all && spec::data_sources(job).size() == 1 && job.held_out >= rows - bad)
    throw Error::user(
        {.what = text("data.held_out = ", job.held_out, " of ", rows - bad, " good rows leaves none to train on"),
         .where = source.path,
         .fix = "hold fewer rows out"});
  tried.facts = {{"path", source.path},
                 {"rows", rows},
                 {"is_all", lines.is_all},
                 {"refused", refused},
                 {"too_long", too_long},
                 {"median", at(0.5)},
                 {"p95", at(0.95)},
                 {"longest", at(1)},
                 {"limit", limit},
                 {"example", base::lossy_utf8(example)},
                 {"not_tried", lines.not_tried}};
  return tried;
}

/// A reply that says the gold answer in the form that a part looks for.
std::string gold_reply(const spec::Job& job, const spec::RewardPart& part, const data::Prompt& prompt) {
  std::string closing;
  for (const std::string& tag : job.reward.thinking_tags)
    if (reward::opens_thinking(prompt.text, {tag})) closing = text("</", tag, ">\n");
  if (part.kind == "math") return closing + "\\boxed{" + prompt.gold + "}";
  if (part.kind == "choice") return closing + "Answer: " + prompt.gold;
  return closing + prompt.gold;
}

/// The reward of made-up answers, by the same worker and limits as in a run.
class Trial {
 public:
  Trial(const spec::Job& job, int worker_end) : job_(job), client_({worker_end}, {}) {}

  double reward_of(const spec::RewardPart& part, const data::Prompt& prompt, const std::string& answer) {
    const bool program = part.kind == "command";
    const std::int64_t id = ++id_;
    client_.submit({.id = id,
                    .kind = part.kind,
                    .answer = answer,
                    .gold = prompt.gold,
                    .settings = {.pattern = part.pattern,
                                 .command = part.command,
                                 .precision = static_cast<int>(job_.reward.precision),
                                 .after_thinking = job_.reward.answer == spec::AnswerPart::after_thinking,
                                 .thinking_tags = job_.reward.thinking_tags,
                                 .in_thinking = reward::opens_thinking(prompt.text, job_.reward.thinking_tags)},
                    .prompt = program ? prompt.text : "",
                    .row = program ? prompt.json : ""});
    const reward::Collected collected = client_.collect({&id, 1});
    if (collected.grades[0].outcome == reward::Outcome::graded) return collected.grades[0].reward;
    throw Error::user(
        {.what = text("[reward] could not grade a made-up answer to the first rows (",
                      reward::outcome_name(collected.grades[0].outcome), ")",
                      collected.notes[0].empty() ? "" : ": " + collected.notes[0]),
         .where = program ? base::join(part.command, " ") : "reward.kind = " + part.kind,
         .fix = program ? "fix the program, or leave the trial out where it runs on the nodes alone: --no-try" : ""});
  }

 private:
  const spec::Job& job_;
  reward::RewardClient client_;
  std::int64_t id_ = 0;
};

/// The environment that a run gives its reward programs, and no other variable of this shell.
void take_worker_environment(const spec::RewardJob& job) {
  const std::vector<std::string> lines = node::worker_environment(job);
  ::clearenv();
  for (const std::string& line : lines) {
    const std::size_t equal = line.find('=');
    ::setenv(line.substr(0, equal).c_str(), line.substr(equal + 1).c_str(), 1);
  }
}

ordered_json try_rewards(const spec::Job& job, const std::vector<data::Prompt>& prompts) {
  take_worker_environment(job.reward);
  reward::OwnWorker worker({.timeout_s = job.reward.timeout_s,
                            .start_timeout_s = job.reward.start_timeout_s,
                            .max_memory_gb = job.reward.max_memory_gb});
  Trial trial(job, worker.take_client_end());
  ordered_json grades = ordered_json::array();
  for (const spec::RewardPart& part : spec::reward_parts(job.reward)) {
    if (part.kind == "random") continue;
    for (const data::Prompt& prompt : prompts) {
      for (const std::string& answer : {gold_reply(job, part, prompt), std::string(kNonsense)}) {
        const double reward = trial.reward_of(part, prompt, answer);
        if (&prompt == &prompts.front())
          grades.push_back({{"part", part.name.empty() ? part.kind : part.name},
                            {"answer", base::lossy_utf8(answer)},
                            {"reward", reward}});
      }
    }
  }
  return grades;
}

void check_tokenizer(const spec::Plan& plan, const data::Tokenizer& tokenizer) {
  for (const std::string& token : plan.job.sampling.stop)
    if (!tokenizer.token_id(token))
      throw Error::user({.what = text("'", token, "' of sampling.stop is no token of the model"),
                         .where = plan.job.model.path,
                         .fix = "give tokens by their exact text, such as \"<|im_end|>\""});
  if (plan.model.vocab_size > 0 && tokenizer.vocabulary_size() > plan.model.vocab_size)
    throw Error::user({.what = text("the tokenizer has ", tokenizer.vocabulary_size(),
                                    " tokens, but the model's vocabulary has ", plan.model.vocab_size),
                       .where = plan.job.model.path,
                       .fix = "tokenizer.json and config.json belong to different models"});
}

}  // namespace

int try_job(const std::vector<std::string>& words) {
  const VerbOptions options(words, {"plan", "output", "rewards"});
  const spec::Plan plan = spec::read_plan(options.at("plan"));
  const data::Tokenizer tokenizer =
      plan.job.model.path.empty() ? data::byte_tokenizer() : data::Tokenizer::read(plan.job.model.path);
  if (!plan.job.model.path.empty()) check_tokenizer(plan, tokenizer);
  ordered_json report{{"sources", ordered_json::array()}, {"first", nullptr}, {"grades", ordered_json::array()}};
  std::vector<data::Prompt> prompts;
  for (const spec::DataSource& source : spec::data_sources(plan.job.data)) {
    Tried tried = try_source(plan, source, tokenizer);
    report["sources"].push_back(tried.facts);
    if (!prompts.empty() || tried.prompts.empty()) continue;
    prompts = std::move(tried.prompts);
    report["first"] = {{"place", tried.places.front()},
                       {"prompt", base::lossy_utf8(prompts.front().text)},
                       {"gold", base::lossy_utf8(prompts.front().gold)},
                       {"tokens", std::ssize(prompts.front().tokens)}};
  }
  const bool grades = !options.has("rewards") || options.at("rewards") != "no";
  if (grades && !prompts.empty() && !spec::is_synthetic(plan.job)) report["grades"] = try_rewards(plan.job, prompts);
  base::write_file(options.at("output"), base::json_text(report, 2) + "\n");
  return 0;
}

}  // namespace muster
