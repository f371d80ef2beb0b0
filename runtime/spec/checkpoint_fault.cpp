// Whether a checkpoint is this run's and whole. What its manifest says is believed only where folder, plan and files
// say the same.
#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "runtime/base/digest.h"
#include "runtime/base/error.h"
#include "runtime/base/files.h"
#include "runtime/base/text.h"
#include "runtime/spec/checkpoint.h"
#include "runtime/spec/facts_schema.h"
#include "runtime/spec/job_schema.h"

namespace muster::spec {
namespace fs = std::filesystem;
using base::text;

namespace {

constexpr std::int64_t kMostEpochs = 1'000'000'000;

// Keys and whole tables that say how the work is done or what is written of it, and grpo.steps: a person may change
// them between two attempts.
const std::vector<std::string> kLeftOut{"base",
                                        "rank_wrapper",
                                        "allow_fallback",
                                        "threads",
                                        "placement",
                                        "packing",
                                        "validate",
                                        "refit",
                                        "checkpoint",
                                        "requeue",
                                        "log",
                                        "watchdog",
                                        "verb",
                                        "grpo.steps",
                                        "data.columns",
                                        "data.max_refused_share",
                                        "reward.workers",
                                        "reward.timeout_s",
                                        "reward.start_timeout_s",
                                        "reward.environment",
                                        "reward.max_memory_gb",
                                        "selftest.start_prompts"};
// Of the two tables that lay the work out only these; who holds what is in the layout.
const std::map<std::string, std::vector<std::string>> kKept{
    {"gen", {"dtype", "fp8_scaling", "fp8_skip", "bf16_first_layers", "bf16_last_layers", "kv_dtype"}},
    {"train", {"gbs", "fp8", "fp8_scaling", "fp8_format", "grad_dtype"}}};

bool decides(const std::string& table, const std::string& key) {
  const auto contains = [](const std::vector<std::string>& list, const std::string& word) {
    return std::find(list.begin(), list.end(), word) != list.end();
  };
  if (const auto kept = kKept.find(table); kept != kKept.end()) return contains(kept->second, key);
  return !contains(kLeftOut, table) && !contains(kLeftOut, table + "." + key);
}

// "optimizer.lr was 0.001, is 0.002; seed was 5, is 0": at most three.
std::string differences(const std::map<std::string, std::string>& was, const std::map<std::string, std::string>& is) {
  std::vector<std::string> found;
  const auto value = [](const std::map<std::string, std::string>& values, const std::string& key) {
    const auto at = values.find(key);
    return at == values.end() ? std::string("not there") : at->second.substr(0, 100);
  };
  std::map<std::string, std::string> keys = was;
  keys.insert(is.begin(), is.end());
  for (const auto& [key, ignored] : keys)
    if (value(was, key) != value(is, key))
      found.push_back(text(key, " was ", value(was, key), ", is ", value(is, key)));
  const std::size_t count = found.size();
  if (count > 3) found.resize(3);
  return base::join(found, "; ") + (count > 3 ? text("; and ", count - 3, " more") : "");
}

std::string manifest_fault(const CheckpointManifest& manifest, const Plan& plan, std::int64_t step) {
  if (manifest.step != step) return text("its folder is of step ", step, ", its manifest of step ", manifest.step);
  if (step < 1 || step > plan.job.grpo.steps) return text("the run has steps 1 .. ", plan.job.grpo.steps);
  const std::string other = differences(manifest.decides, deciding_values(plan));
  if (!other.empty()) return "it is of another run: " + other;
  if (manifest.layout != layout_text(plan))
    return text("it was written as ", manifest.layout, "; this plan is ", layout_text(plan));
  // One at the start, one more after a supervised start and for each look at its reward, and at most one a step.
  const std::int64_t looks = plan.job.warmup.sft_steps / plan.job.warmup.check_every;
  if (manifest.weight_version < 1 || manifest.weight_version > step + 2 + looks)
    return text("weight version ", manifest.weight_version, " after step ", step);
  if (manifest.data_epoch < 0 || manifest.data_epoch > kMostEpochs || manifest.data_position < 0)
    return text("epoch ", manifest.data_epoch, ", position ", manifest.data_position, " of the data");
  return "";
}

std::string files_fault(const CheckpointManifest& manifest, const Plan& plan, const fs::path& folder,
                        std::optional<std::int64_t> train_rank) {
  const std::int64_t ranks = plan.train.ranks();
  if (std::ssize(manifest.files) != ranks)
    return text("it lists ", manifest.files.size(), " files of ", ranks, " ranks");
  for (std::int64_t rank = 0; rank < ranks; ++rank) {
    const CheckpointFile& file = manifest.files[rank];
    if (file.name != checkpoint_file_name(rank))
      return text("it lists '", file.name, "' in the place of ", checkpoint_file_name(rank));
    std::error_code error;
    const bool is_file = fs::is_regular_file(fs::symlink_status(folder / file.name, error));
    const std::uintmax_t bytes = is_file ? fs::file_size(folder / file.name, error) : 0;
    if (error || !is_file) return text(file.name, ": ", error ? error.message() : "not a file");
    if (!std::in_range<std::int64_t>(bytes) || static_cast<std::int64_t>(bytes) != file.bytes)
      return text(file.name, " has ", bytes, " bytes, its manifest says ", file.bytes);
    if (train_rank == rank && base::sha256_of_file(folder / file.name) != file.sha256)
      return file.name + " has another checksum than its manifest";
  }
  return "";
}

}  // namespace

std::map<std::string, std::string> deciding_values(const Plan& plan) {
  std::map<std::string, std::string> values;
  const nlohmann::ordered_json job = job_value(plan.job);
  for (const auto& [name, value] : job.items()) {
    if (!value.is_object()) {
      if (decides(name, "")) values[name] = toml_value(value);
      continue;
    }
    for (const auto& [key, below] : value.items())
      if (decides(name, key)) values[name + "." + key] = toml_value(below);
  }
  ValueVisitor facts;
  describe_facts(facts, plan.model);
  values["facts"] = base::sha256_of(toml_text(facts.root));
  return values;
}

std::string checkpoint_fault(const RunPaths& paths, const Plan& plan, std::int64_t step,
                             std::optional<std::int64_t> train_rank) {
  const fs::path folder = checkpoint_folder(paths, step), file = manifest_path(folder);
  try {
    const CheckpointManifest manifest = parse_checkpoint_manifest(base::read_file(file), file.string());
    const std::string fault = manifest_fault(manifest, plan, step);
    return fault.empty() ? files_fault(manifest, plan, folder, train_rank) : fault;
  } catch (const Error& error) {
    return error.faults().front().where + ": " + error.faults().front().what;
  }
}

}  // namespace muster::spec
