// The checkpoint of one run as the first one of another.
#include "launcher/run/from_checkpoint.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "launcher/records/submission.h"
#include "runtime/base/error.h"
#include "runtime/base/files.h"
#include "runtime/base/text.h"
#include "runtime/spec/data_identity.h"
#include "runtime/spec/facts_schema.h"
#include "runtime/spec/job_schema.h"
#include "runtime/spec/toml_text.h"

namespace muster::run {
namespace fs = std::filesystem;
using base::text;
using nlohmann::ordered_json;

namespace {

std::map<std::string, std::string> values_of(const ordered_json& object) {
  std::map<std::string, std::string> values;
  for (const auto& [name, value] : object.items()) {
    if (!value.is_object()) {
      values[name] = spec::toml_value(value);
      continue;
    }
    for (const auto& [key, below] : value.items()) values[name + "." + key] = spec::toml_value(below);
  }
  return values;
}

std::vector<std::string> changes(const std::map<std::string, std::string>& was,
                                 const std::map<std::string, std::string>& is) {
  std::vector<std::string> list;
  for (const auto& [key, value] : is) {
    const auto before = was.find(key);
    if (before == was.end() || before->second != value)
      list.push_back(text(key, " ", before == was.end() ? "not there" : before->second, " -> ", value));
  }
  return list;
}

ordered_json facts_of(spec::ModelFacts facts) {
  spec::ValueVisitor visitor;
  spec::describe_facts(visitor, facts);
  // What the same weights may have otherwise.
  for (const char* const fact : {"stored_dtype", "end_tokens", "bos_token", "max_position_embeddings"})
    visitor.root.erase(fact);
  return visitor.root;
}

/// The order of the prompts follows from these: where they are alike, a place in the data means the same.
bool draws_alike(const spec::Job& was, const spec::Job& is) {
  spec::Job other = is;
  other.data.max_refused_share = was.data.max_refused_share;
  return was.seed == is.seed && spec::job_value(was)["data"] == spec::job_value(other)["data"];
}

bool has_own_reference(const spec::Job& job) { return spec::uses_reference(job) && job.warmup.sft_steps > 0; }

void check_takeover(const FoundCheckpoint& from, const spec::Plan& plan, base::Faults& faults) {
  const std::string where = text(from.paths.folder.string(), " after step ", from.step);
  const std::vector<std::string> shapes =
      changes(values_of(facts_of(from.plan.model)), values_of(facts_of(plan.model)));
  if (!shapes.empty())
    faults.add({.what = "the checkpoint is of another model: " + base::join(shapes, "; "),
                .where = where,
                .fix = "a run from a checkpoint has the same model"});
  if (plan.job.grpo.steps <= from.step)
    faults.add({.what = text("the job has ", plan.job.grpo.steps, " steps, and the checkpoint is of step ", from.step),
                .where = where,
                .fix = text("steps are counted on: --set grpo.steps=N with N above ", from.step)});
  if (plan.job.checkpoint.every == 0)
    faults.add({.what = "checkpoint.every = 0, but a run that begins with a checkpoint writes some of its own",
                .where = where,
                .fix = text("--set checkpoint.every=", std::max<std::int64_t>(1, from.plan.job.checkpoint.every))});
  if (has_own_reference(from.plan.job) != has_own_reference(plan.job))
    faults.add({.what = has_own_reference(plan.job)
                            ? "loss.kl_weight > 0 with warmup.sft_steps > 0: the reference is the model after that "
                              "start, which the checkpoint does not hold"
                            : "the checkpoint holds a reference of its own (loss.kl_weight > 0 with warmup.sft_steps "
                              "> 0), and this job has none",
                .where = where,
                .fix = "leave warmup.sft_steps and whether loss.kl_weight is 0 as they were"});
}

std::string data_place(const spec::CheckpointManifest& manifest) {
  return text("the place in the data (epoch ", manifest.data_epoch, ", prompt ", manifest.data_position, ")");
}

void link_or_copy(const fs::path& file, const fs::path& target) {
  std::error_code code;
  fs::create_hard_link(file, target, code);
  if (!code) return;  // else: another file system, or one without links
  code.clear();
  if (!fs::copy_file(file, target, code) || code)
    throw Error::user({.what = text("cannot copy ", file.string(), ": ", code.message()),
                       .where = target.string(),
                       .fix = "choose a --run-dir on a disk with room for the checkpoint"});
}

/// "steps 10, 20, 30"; at most the newest eight.
std::string steps_text(const std::vector<std::int64_t>& steps) {
  std::vector<std::string> words;
  for (auto step = steps.rbegin(); step != steps.rend() && words.size() < 8; ++step) words.push_back(text(*step));
  std::reverse(words.begin(), words.end());
  return text(steps.size() == 1             ? "step "
              : steps.size() > words.size() ? "steps ..., "
                                            : "steps ",
              base::join(words, ", "));
}

}  // namespace

std::vector<std::string> job_changes(const spec::Job& was, const spec::Job& is) {
  std::map<std::string, std::string> before = values_of(spec::job_value(was)), now = values_of(spec::job_value(is));
  for (const char* const name : {"name", "base"}) before.erase(name), now.erase(name);
  return changes(before, now);
}

CheckpointName parse_checkpoint_name(const std::string& word) {
  const std::size_t at = word.rfind('@');
  if (at == std::string::npos || base::is_there(word)) return {.run = word, .step = ""};
  return {.run = word.substr(0, at), .step = word.substr(at + 1)};
}

FoundCheckpoint find_checkpoint(const std::string& word) {
  const CheckpointName name = parse_checkpoint_name(word);
  FoundCheckpoint found{.paths = {records::find_run(name.run)}};
  found.plan = spec::read_plan(found.paths.plan());
  found.plan.run_folder = found.paths.folder;  // it may have been moved
  const std::vector<std::int64_t> steps = spec::complete_checkpoints(found.paths);
  if (steps.empty())
    throw Error::user({.what = "this run has no checkpoint",
                       .where = found.paths.folder.string(),
                       .fix = found.plan.job.checkpoint.every == 0
                                  ? "its job has checkpoint.every = 0; model/ holds the weights of a finished run"
                                  : "wait for its first one"});
  const auto step = std::find_if(steps.begin(), steps.end(),
                                 [&](std::int64_t one) { return name.step.empty() || text(one) == name.step; });
  if (step == steps.end())
    throw Error::user({.what = text("there is no checkpoint of step ", name.step),
                       .where = found.paths.checkpoints().string(),
                       .fix = text("RUN@STEP with one of ", steps_text(steps))});
  found.step = name.step.empty() ? steps.back() : *step;
  const std::string fault = spec::checkpoint_fault(found.paths, found.plan, found.step, std::nullopt);
  if (!fault.empty())
    throw Error::user({.what = text("the checkpoint of step ", found.step, " cannot be used: ", fault),
                       .where = found.paths.checkpoints().string(),
                       .fix = steps.size() == 1 ? "" : text("RUN@STEP with another of ", steps_text(steps))});
  const fs::path file = spec::manifest_path(spec::checkpoint_folder(found.paths, found.step));
  found.manifest = spec::parse_checkpoint_manifest(base::read_file(file), file.string());
  return found;
}

Takeover plan_takeover(FoundCheckpoint from, const spec::Plan& plan) {
  base::Faults faults;
  check_takeover(from, plan, faults);
  faults.throw_if_any();
  Takeover takeover{.manifest = from.manifest, .keeps_data_position = draws_alike(from.plan.job, plan.job)};
  takeover.manifest.attempt = 0;
  takeover.manifest.decides = spec::deciding_values(plan);
  // It only counts the refits; one per step and the first.
  takeover.manifest.weight_version = std::min(from.manifest.weight_version, from.step + 1);
  takeover.kept = {"weights", "optimizer (main weights, both moments, count of updates)", "count of steps"};
  if (takeover.keeps_data_position) {
    takeover.kept.push_back(data_place(from.manifest));
  } else {
    takeover.manifest.data_epoch = takeover.manifest.data_position = 0;
    takeover.anew.emplace_back("the data, from its first prompt (data.* or seed is another)");
  }
  if (spec::uses_reference(plan.job))
    (has_own_reference(plan.job) ? takeover.kept : takeover.anew)
        .push_back(has_own_reference(plan.job) ? "frozen reference of the KL term"
                                               : "frozen reference of the KL term: the model of model.path");
  takeover.anew.emplace_back("records, logs and attempts");
  takeover.changed = job_changes(from.plan.job, plan.job);
  takeover.from = std::move(from);
  return takeover;
}

std::string takeover_page(const Takeover& takeover) {
  constexpr std::size_t kShown = 12;
  std::string page = text("from     ", takeover.from.paths.folder.string(), ", after step ", takeover.from.step, "\n");
  page += "kept     " + base::join(takeover.kept, ", ") + "\n";
  page += "anew     " + base::join(takeover.anew, ", ") + "\n";
  for (std::size_t i = 0; i < takeover.changed.size() && i < kShown; ++i)
    page += (i == 0 ? "changed  " : "         ") + takeover.changed[i] + "\n";
  if (takeover.changed.size() > kShown) page += text("         and ", takeover.changed.size() - kShown, " more keys\n");
  return page;
}

void write_takeover(const Takeover& takeover, const spec::Plan& plan) {
  const spec::RunPaths paths{plan.run_folder};
  const std::int64_t step = takeover.from.step;
  const fs::path old = spec::checkpoint_folder(takeover.from.paths, step);
  const fs::path folder = spec::checkpoint_folder(paths, step);
  const auto undo = [&] {
    std::error_code ignored;
    fs::remove_all(paths.checkpoints(), ignored);
    fs::remove(spec::data_identity_file(paths.folder), ignored);
  };
  try {
    base::make_folder(folder);
    for (const spec::CheckpointFile& file : takeover.manifest.files) link_or_copy(old / file.name, folder / file.name);
    base::write_file(spec::manifest_path(folder), spec::checkpoint_manifest_json(takeover.manifest));
    // A place in the data means something only in the same rows: the ranks hold theirs against these.
    const fs::path identity = spec::data_identity_file(takeover.from.paths.folder);
    if (takeover.keeps_data_position && base::is_there(identity))
      base::write_file(spec::data_identity_file(paths.folder), base::read_file(identity));
    const std::string fault = spec::checkpoint_fault(paths, plan, step, std::nullopt);
    if (!fault.empty())
      throw Error::user({.what = "the checkpoint cannot be read under this job: " + fault,
                         .where = old.string(),
                         .fix = "keep the layout of the run that wrote it"});
  } catch (...) {
    undo();
    throw;
  }
}

}  // namespace muster::run
