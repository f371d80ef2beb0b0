#include "launcher/run/evaluate.h"

#include <unistd.h>

#include <cstdio>
#include <nlohmann/json.hpp>

#include "launcher/cli/shared_flags.h"
#include "launcher/progress/answers.h"
#include "launcher/render/batch_script.h"
#include "launcher/run/model_of_run.h"
#include "launcher/run/run_folder.h"
#include "launcher/slurm/queries.h"
#include "launcher/supervise/preflight.h"
#include "launcher/supervise/supervise.h"
#include "runtime/base/clock.h"
#include "runtime/base/error.h"
#include "runtime/base/json_lines.h"
#include "runtime/base/json_text.h"
#include "runtime/base/text.h"
#include "runtime/spec/toml_text.h"

namespace muster::run {
namespace {

using base::number_text;
using base::text;
using nlohmann::ordered_json;

constexpr std::size_t kShownAnswers = 8;

std::vector<records::SampleLine> read_samples(const spec::RunPaths& paths) {
  std::vector<records::SampleLine> samples;
  for (const ordered_json& line : base::read_json_lines(paths.validation_samples()))
    samples.push_back({.prompt_index = line.value("prompt_index", std::int64_t{0}),
                       .sample_index = line.value("sample_index", std::int64_t{0}),
                       .prompt = line.value("prompt", ""),
                       .text = line.value("text", ""),
                       .outcome = line.value("outcome", ""),
                       .gold = line.value("gold", ""),
                       .reward = line.value("reward", 0.0)});
  return samples;
}

}  // namespace

std::vector<std::string> evaluation_overrides(const EvaluateOptions& options) {
  std::vector<std::string> overrides{"grpo.steps=0",
                                     "warmup.sft_steps=0",
                                     "warmup.stop_at_reward=0",
                                     "optimizer.warmup_steps=0",
                                     "loss.kl_weight=0",
                                     "grpo.kl_in_reward=0",
                                     "checkpoint.every=0",
                                     "requeue.max=0",
                                     "checkpoint.final_model=false",
                                     "validate.at_start=true",
                                     "log.samples=-1"};
  if (!options.model.empty()) {
    const std::string path = std::filesystem::absolute(options.model).lexically_normal().string();
    overrides.push_back("model.path=" + spec::toml_quoted(path));
    overrides.emplace_back("model.name=\"\"");
    overrides.emplace_back("model.weights=\"file\"");
  }
  overrides.insert(overrides.end(), options.overrides.begin(), options.overrides.end());
  return overrides;
}

std::string evaluation_page(const spec::Plan& plan, const spec::ValidationRecord& record,
                            const std::vector<records::SampleLine>& samples, const page::Style& style) {
  const std::string k = text(record.samples_per_prompt);
  std::string page = text(
      plan.job.name, ": ", plan.job.model.path, "\n", record.prompts, " prompts x ", k,
      record.samples_per_prompt == 1 ? " sample, in " : " samples, in ", base::seconds_text(record.seconds), "\n",
      spec::holds_rows_out(plan.job.data) ? "" : "rows that the job trains on: it holds none out (data.held_out)\n",
      "\n");
  const auto row = [&](const std::string& word, double share, const std::string& meaning) {
    page += text(page::padded(word, 10), number_text(share, 3), "   ", meaning, "\n");
  };
  row("pass@1", record.pass_1, "of the samples are right");
  row("mean@" + k, record.mean_k, "mean reward");
  row("maj@" + k, record.maj_k, "of the prompts, by the most frequent final answer");
  row("pass@" + k, record.pass_k, "of the prompts have a right answer among " + k);
  page += text("\nanswers   ", number_text(record.mean_answer_tokens, 1), " tokens in the mean, ",
               number_text(record.truncated * 100, 1), " % cut off at their limit\n");
  if (record.timeouts + record.failed > 0)
    page += text("grading   ", record.timeouts, " timeouts, ", record.failed, " failures: they did not count\n");
  page += "\n";
  for (const page::Line& line : progress::sample_lines(progress::few_samples(samples, kShownAnswers), style))
    page += line.rendered(style) + "\n";
  return page;
}

namespace {

ordered_json evaluation_value(const spec::Plan& plan, const spec::ValidationRecord& record) {
  ordered_json object{{"job", plan.job.name},
                      {"model", plan.job.model.path},
                      {"run_folder", plan.run_folder.string()},
                      {"held_out", spec::holds_rows_out(plan.job.data)}};
  object.update(spec::to_json(record));
  for (const char* const field : {"step", "attempt", "weight_version"}) object.erase(field);
  return object;
}

int evaluate(const EvaluateOptions& given) {
  if (given.words.empty())
    throw Error::user(
        {.what = "muster evaluate needs a job or a run",
         .fix = "muster evaluate JOB --model DIR, where the job says which rows, which template, which reward; or "
                "muster evaluate RUN[@STEP]"});
  EvaluateOptions run = given;
  std::optional<ModelOfRun> of_run;
  if (names_a_run(given.words[0])) {
    of_run = find_model(given.words[0]);
    base::print(stderr, text("evaluates ", given.model.empty() ? of_run->text : given.model.string(),
                             " under the job of ", of_run->plan.run_folder.string(), "\n"));
    if (given.model.empty()) run.model = model_folder_of(*of_run);
    run.of_run = &of_run->plan;
  }
  run.overrides = evaluation_overrides(run);
  run.name_suffix = "-evaluate";
  const Prepared prepared = prepare(run);
  const spec::Plan& plan = prepared.plan;
  const spec::RunPaths paths{plan.run_folder};
  for (const std::string& warning : plan.warnings) base::print(stderr, "warning: " + warning + "\n");
  check_device_here(plan);
  write_run_folder(prepared);
  const std::vector<std::string> srun_flags = render::agent_words(plan, with_library_mounts(plan, prepared.cluster));
  const auto say = [](const std::string& line) { base::print(stderr, line + "\n"); };
  const supervise::Nodes nodes = supervise::choose_nodes(
      plan, *slurm::make_queries(), {.slurm = spec::parse_slurm_env(), .srun_flags = srun_flags, .say = say});
  const supervise::AttemptOptions options{.srun_flags = srun_flags, .say = say};
  const records::Verdict verdict = supervise::run_attempt(plan, nodes, options);
  if (verdict.code != 0) {
    base::print(stderr, text("muster: ", verdict.sentence, "\nrecords   ", plan.run_folder.string(), "\n"));
    return verdict.code;
  }
  const std::vector<spec::ValidationRecord> looks = records::read_validations(paths, verdict.attempt);
  if (looks.empty())
    throw Error::defect({.what = "the run finished, but left no line", .where = paths.validation().string()});
  if (given.json) {
    base::print(stdout, base::json_text(evaluation_value(plan, looks.back()), 2) + "\n");
    return 0;
  }
  const page::Style style = page::style_of(stdout, ::isatty(STDOUT_FILENO) == 1);
  base::print(stdout,
              evaluation_page(plan, looks.back(), read_samples(paths), style) +
                  text("\nrecords   ", plan.run_folder.string(), " (validation.jsonl, validation_samples.jsonl)\n"));
  return 0;
}

}  // namespace

cli::Verb evaluate_verb() {
  return cli::make_verb<EvaluateOptions>(
      {.name = "evaluate",
       .usage = "JOB [--model DIR] [--set key=value]... | RUN[@STEP]",
       .summary = "looks at a model with the job's held-out rows and reward: pass@1, mean@k, maj@k; nothing is trained",
       .example = "muster evaluate my-job.toml --model runs/my-job/model --set validate.samples_per_prompt=8",
       .max_words = 1},
      [](cli::Flags& flags, EvaluateOptions& options) {
        options.verb = "evaluate";
        add_start_flags(flags, options);
        flags.add("model", "DIR", "the model folder to look at (default: the job's, or the run's)", options.model);
        cli::add_json_flag(flags, options.json);
      },
      evaluate);
}

}  // namespace muster::run
