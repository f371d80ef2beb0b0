#include "runtime/spec/checkpoint.h"

#include <algorithm>
#include <charconv>
#include <cstdio>

#include "runtime/base/digest.h"
#include "runtime/base/error.h"
#include "runtime/base/json_text.h"
#include "runtime/base/text.h"
#include "runtime/spec/choices.h"
#include "runtime/spec/record_visitors.h"

namespace muster::spec {
namespace fs = std::filesystem;
using base::text;
using nlohmann::ordered_json;

namespace {

constexpr std::string_view kPrefix = "step_";

// The step of a folder's name; -1 when it is no checkpoint's.
std::int64_t step_of(const std::string& name) {
  std::int64_t step = -1;
  if (!name.starts_with(kPrefix)) return -1;
  const auto [end, error] = std::from_chars(name.data() + kPrefix.size(), name.data() + name.size(), step);
  return error == std::errc() && end == name.data() + name.size() ? step : -1;
}

template <class Visitor, class File>
void describe_file(Visitor& v, File& file) {
  v.field("name", file.name);
  v.field("bytes", file.bytes);
  v.field("sha256", file.sha256);
}
constexpr auto kDescribeFile = [](auto& visitor, auto& file) { describe_file(visitor, file); };

template <class Visitor, class Manifest>
void describe_manifest(Visitor& v, Manifest& manifest) {
  v.field("step", manifest.step);
  v.field("attempt", manifest.attempt);
  v.field("layout", manifest.layout);
  v.field("decides", manifest.decides);
  v.field("weight_version", manifest.weight_version);
  v.field("data_epoch", manifest.data_epoch);
  v.field("data_position", manifest.data_position);
  v.list("files", manifest.files, kDescribeFile);
}

std::string folder_name(std::int64_t step) {
  char name[32];
  std::snprintf(name, sizeof name, "step_%06lld", static_cast<long long>(step));
  return name;
}

std::vector<fs::path> folders_in(const RunPaths& paths) {
  std::vector<fs::path> folders;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(paths.checkpoints(), ignored)) folders.push_back(entry.path());
  return folders;
}

// Under its one name: step_12 is nobody's.
bool is_complete(const fs::path& folder) {
  std::error_code ignored;
  const std::int64_t step = step_of(folder.filename().string());
  return step >= 0 && folder_name(step) == folder.filename() && fs::exists(manifest_path(folder), ignored);
}

// What an attempt leaves that is ended while it writes, publishes or discards; what a person put there is not.
bool is_left_over(const fs::path& folder) {
  const fs::path name =
      folder.extension() == ".part" || folder.extension() == ".old" ? folder.stem() : folder.filename();
  const std::int64_t step = step_of(name.string());
  return step >= 0 && folder_name(step) == name && !is_complete(folder);
}

}  // namespace

std::string layout_text(const Plan& plan) {
  const Degrees& train = plan.train;
  // Replicas keep their parts of each bucket one after another.
  const std::int64_t bucket = plan.job.train.bucket_params;
  const bool has_replicas = train.of(Axis::dp_cp) > 1 || (plan.model.num_experts > 0 && train.of(Axis::edp) > 1);
  const bool is_cut = has_replicas && plan.job.train.fsdp == 0 && parameter_count(plan.model) > bucket;
  return text(choice_name(plan.job.train.backend), " tp ", train.tp, " cp ", train.cp, " ep ", train.ep,
              train.etp > 1 ? text(" etp ", train.etp) : "", " dp ", train.dp, " pp ", train.pp, " vpp ", train.vpp,
              " fsdp ", plan.job.train.fsdp, ", ", choice_name(plan.job.model.dtype), ", ", parameter_count(plan.model),
              " parameters", is_cut ? text(" in buckets of ", bucket) : "");
}

std::string checkpoint_file_json(const CheckpointFile& file) {
  FieldWriter writer;
  describe_file(writer, file);
  return base::json_text(writer.object) + "\n";
}

CheckpointFile parse_checkpoint_file(const std::string& content, const std::string& where) {
  CheckpointFile file;
  const auto object = ordered_json::parse(content, nullptr, false);
  FieldReader reader(object);
  describe_file(reader, file);
  if (!reader.fault.empty())
    throw Error::user({.what = "not a note of a checkpoint's file: " + reader.fault, .where = where});
  return file;
}

std::string checkpoint_manifest_json(const CheckpointManifest& manifest) {
  FieldWriter writer;
  describe_manifest(writer, manifest);
  writer.object["digest"] = base::sha256_of(base::json_text(writer.object));
  return base::json_text(writer.object, 1) + "\n";
}

CheckpointManifest parse_checkpoint_manifest(const std::string& content, const std::string& where) {
  CheckpointManifest manifest;
  const auto object = ordered_json::parse(content, nullptr, false);
  FieldReader reader(object);
  describe_manifest(reader, manifest);
  // One text belongs to one manifest: a byte that is another, or elsewhere, is found.
  if (reader.fault.empty() && checkpoint_manifest_json(manifest) != content)
    reader.fault = "its digest is that of another text";
  if (!reader.fault.empty())
    throw Error::user({.what = "not a checkpoint's manifest, or a damaged one: " + reader.fault,
                       .where = where,
                       .fix = "remove that checkpoint's folder: the run then goes on from an older one"});
  return manifest;
}

fs::path checkpoint_folder(const RunPaths& paths, std::int64_t step) { return paths.checkpoints() / folder_name(step); }

fs::path unfinished_checkpoint_folder(const RunPaths& paths, std::int64_t step) {
  return checkpoint_folder(paths, step).string() + ".part";
}

fs::path manifest_path(const fs::path& folder) { return folder / "manifest.json"; }

std::string checkpoint_file_name(std::int64_t train_rank) { return text("train_", train_rank, ".safetensors"); }

std::vector<std::int64_t> complete_checkpoints(const RunPaths& paths) {
  std::vector<std::int64_t> steps;
  for (const fs::path& folder : folders_in(paths))
    if (is_complete(folder)) steps.push_back(step_of(folder.filename().string()));
  std::sort(steps.begin(), steps.end());
  return steps;
}

std::vector<fs::path> unfinished_checkpoints(const RunPaths& paths) {
  std::vector<fs::path> folders = folders_in(paths);
  std::erase_if(folders, [](const fs::path& folder) { return !is_left_over(folder); });
  return folders;
}

}  // namespace muster::spec
