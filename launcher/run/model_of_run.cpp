// A run's weights for other programs.
#include "launcher/run/model_of_run.h"

#include "launcher/records/submission.h"
#include "launcher/records/verdict.h"
#include "launcher/run/from_checkpoint.h"
#include "runtime/base/error.h"
#include "runtime/base/files.h"
#include "runtime/base/process.h"
#include "runtime/base/text.h"
#include "runtime/spec/checkpoint.h"
#include "runtime/spec/epoch.h"

namespace muster::run {
namespace fs = std::filesystem;
using base::text;

namespace {

bool has_weights(const fs::path& folder) {
  return base::is_there(folder / "config.json") &&
         (base::is_there(folder / "model.safetensors") || base::is_there(folder / "model.safetensors.index.json"));
}

bool has_finished(const spec::RunPaths& paths) {
  const auto epoch = spec::current_epoch(paths.folder);
  const auto verdict = epoch ? records::read_verdict(paths, epoch->attempt) : std::nullopt;
  return verdict && verdict->code == 0;
}

fs::path unfinished(const fs::path& folder) { return folder.string() + ".part"; }

void put_together(const ModelOfRun& model, const fs::path& folder) {
  const fs::path runtime = base::executable_folder() / "muster-runtime";
  const pid_t child =
      base::start_child({.command = {runtime.string(), "export", "--run", model.plan.run_folder.string(), "--step",
                                     text(model.step), "--output", folder.string()}});
  const std::optional<base::ChildEnd> end = base::wait_child(child, true);
  if (end && end->code == 0 && end->signal == 0) return;
  const std::string how = !end || end->signal != 0 ? text("signal ", end ? end->signal : 0) : text("code ", end->code);
  throw Error::user({.what = text("the checkpoint could not be put together (", how, "): the lines above say why"),
                     .where = spec::checkpoint_folder({model.plan.run_folder}, model.step).string(),
                     .fix = end && end->signal == 9
                                ? "it needs memory for the weights in fp32 and once more in their type"
                                : "another RUN@STEP"});
}

}  // namespace

bool names_a_run(const std::string& word) {
  std::error_code ignored;
  if (fs::is_regular_file(word, ignored)) return false;
  if (fs::is_directory(word, ignored)) return true;
  const CheckpointName name = parse_checkpoint_name(word);
  return !name.step.empty() || (!word.empty() && word.find_first_not_of("0123456789") == std::string::npos);
}

ModelOfRun find_model(const std::string& word) {
  const CheckpointName name = parse_checkpoint_name(word);
  const spec::RunPaths paths{records::find_run(name.run)};
  const bool is_final = name.step.empty() && has_weights(paths.final_model()) &&
                        (has_finished(paths) || spec::complete_checkpoints(paths).empty());
  if (is_final) {
    spec::Plan plan = spec::read_plan(paths.plan());
    plan.run_folder = paths.folder;
    const std::int64_t steps = plan.job.grpo.steps;
    return {.plan = std::move(plan), .step = steps, .whole = paths.final_model(), .text = "the final model"};
  }
  FoundCheckpoint found = find_checkpoint(word);
  const fs::path whole = spec::checkpoint_folder(found.paths, found.step) / "model";
  return {.plan = std::move(found.plan),
          .step = found.step,
          .whole = has_weights(whole) ? whole : fs::path(),
          .text = text("the checkpoint of step ", found.step)};
}

void write_model(const ModelOfRun& model, const fs::path& folder) {
  std::error_code ignored;
  if (fs::exists(folder, ignored) && !(fs::is_directory(folder, ignored) && fs::is_empty(folder, ignored)))
    throw Error::user({.what = "this folder is there already",
                       .where = folder.string(),
                       .fix = "name a new one: nothing is written over"});
  const fs::path part = unfinished(folder);
  fs::remove_all(part, ignored);
  try {
    base::make_folder(fs::absolute(folder).parent_path());
    if (model.whole.empty())
      put_together(model, part);
    else
      fs::copy(model.whole, part, fs::copy_options::recursive);
    fs::remove(folder, ignored);  // an empty one
    base::publish_folder(part, folder);
  } catch (const fs::filesystem_error& error) {
    fs::remove_all(part, ignored);
    throw Error::user({.what = error.code().message(), .where = folder.string(), .fix = "choose another folder"});
  } catch (...) {
    fs::remove_all(part, ignored);
    throw;
  }
}

fs::path model_folder_of(const ModelOfRun& model) {
  if (!model.whole.empty()) return model.whole;
  const fs::path folder =
      model.plan.run_folder / "exported" / spec::checkpoint_folder({model.plan.run_folder}, model.step).filename();
  if (!has_weights(folder)) write_model(model, folder);
  return folder;
}

}  // namespace muster::run
