#include "runtime/spec/checkpoint.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "runtime/base/error.h"
#include "runtime/base/text.h"
#include "runtime/spec/choices.h"

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

ordered_json object_of(const CheckpointFile& file) {
  return {{"name", file.name}, {"bytes", file.bytes}, {"sha256", file.sha256}};
}

CheckpointFile file_in(const ordered_json& object) {
  return {object.at("name"), object.at("bytes"), object.at("sha256")};
}

std::vector<fs::path> folders_in(const RunPaths& paths) {
  std::vector<fs::path> folders;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(paths.checkpoints(), ignored)) folders.push_back(entry.path());
  return folders;
}

bool is_complete(const fs::path& folder) {
  std::error_code ignored;
  return step_of(folder.filename().string()) >= 0 && fs::exists(manifest_path(folder), ignored);
}

}  // namespace

std::string layout_text(const Plan& plan) {
  const Degrees& train = plan.train;
  // Ranks of dp keep their parts of each bucket one after another.
  const std::int64_t bucket = plan.job.train.bucket_params;
  const bool is_cut = train.dp > 1 && plan.job.train.fsdp == 0 && parameter_count(plan.model) > bucket;
  return text(choice_name(plan.job.train.backend), " tp ", train.tp, " cp ", train.cp, " ep ", train.ep, " dp ",
              train.dp, " pp ", train.pp, " vpp ", train.vpp, " fsdp ", plan.job.train.fsdp, ", ",
              choice_name(plan.job.model.dtype), ", ", parameter_count(plan.model), " parameters",
              is_cut ? text(" in buckets of ", bucket) : "");
}

std::string checkpoint_file_json(const CheckpointFile& file) { return object_of(file).dump() + "\n"; }

CheckpointFile parse_checkpoint_file(const std::string& content, const std::string& where) {
  try {
    return file_in(ordered_json::parse(content));
  } catch (const ordered_json::exception& error) {
    throw Error::user({.what = text("not a note of a checkpoint's file: ", error.what()), .where = where});
  }
}

std::string checkpoint_manifest_json(const CheckpointManifest& manifest) {
  ordered_json files = ordered_json::array();
  for (const CheckpointFile& file : manifest.files) files.push_back(object_of(file));
  const ordered_json object{{"step", manifest.step},
                            {"attempt", manifest.attempt},
                            {"layout", manifest.layout},
                            {"weight_version", manifest.weight_version},
                            {"data_epoch", manifest.data_epoch},
                            {"data_position", manifest.data_position},
                            {"files", files}};
  return object.dump(1) + "\n";
}

CheckpointManifest parse_checkpoint_manifest(const std::string& content, const std::string& where) {
  try {
    const ordered_json object = ordered_json::parse(content);
    CheckpointManifest manifest;
    object.at("step").get_to(manifest.step);
    object.at("attempt").get_to(manifest.attempt);
    object.at("layout").get_to(manifest.layout);
    object.at("weight_version").get_to(manifest.weight_version);
    object.at("data_epoch").get_to(manifest.data_epoch);
    object.at("data_position").get_to(manifest.data_position);
    for (const ordered_json& file : object.at("files")) manifest.files.push_back(file_in(file));
    return manifest;
  } catch (const ordered_json::exception& error) {
    throw Error::user({.what = text("not a checkpoint's manifest: ", error.what()),
                       .where = where,
                       .fix = "remove that checkpoint's folder: the run then goes on from an older one"});
  }
}

fs::path checkpoint_folder(const RunPaths& paths, std::int64_t step) {
  char name[32];
  std::snprintf(name, sizeof name, "step_%06lld", static_cast<long long>(step));
  return paths.checkpoints() / name;
}

fs::path unfinished_checkpoint_folder(const RunPaths& paths, std::int64_t step) {
  return checkpoint_folder(paths, step).string() + ".part";
}

fs::path manifest_path(const fs::path& folder) { return folder / "manifest.json"; }

std::vector<std::int64_t> complete_checkpoints(const RunPaths& paths) {
  std::vector<std::int64_t> steps;
  for (const fs::path& folder : folders_in(paths))
    if (is_complete(folder)) steps.push_back(step_of(folder.filename().string()));
  std::sort(steps.begin(), steps.end());
  return steps;
}

std::vector<fs::path> unfinished_checkpoints(const RunPaths& paths) {
  std::vector<fs::path> folders = folders_in(paths);
  std::erase_if(folders, is_complete);
  return folders;
}

}  // namespace muster::spec
