#include "runtime/spec/data_identity.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>

#include "runtime/base/error.h"
#include "runtime/base/files.h"
#include "runtime/base/text.h"

namespace muster::spec {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

fs::path accepted_file(const fs::path& run_folder) { return run_folder / "data_identity.accepted.json"; }

std::string text_of(const DataIdentity& identity) {
  ordered_json sources = ordered_json::array();
  for (const SourceIdentity& source : identity.sources) {
    ordered_json files = ordered_json::array();
    for (const DataFileFacts& file : source.files)
      files.push_back({{"path", file.path}, {"size_bytes", file.size_bytes}, {"time_ns", file.time_ns}});
    sources.push_back({{"path", source.path}, {"rows", source.rows}, {"digest", source.digest}, {"files", files}});
  }
  return ordered_json{{"accepted_changes", identity.accepted_changes}, {"sources", sources}}.dump(
             1, ' ', false, ordered_json::error_handler_t::replace) +
         "\n";
}

std::optional<DataIdentity> read(const fs::path& path) {
  if (!base::is_there(path)) return std::nullopt;
  try {
    const auto object = ordered_json::parse(base::read_file(path));
    DataIdentity identity{.accepted_changes = object.at("accepted_changes")};
    for (const ordered_json& source : object.at("sources")) {
      SourceIdentity made{.path = source.at("path"), .rows = source.at("rows"), .digest = source.at("digest")};
      for (const ordered_json& file : source.at("files"))
        made.files.push_back(
            {.path = file.at("path"), .size_bytes = file.at("size_bytes"), .time_ns = file.at("time_ns")});
      identity.sources.push_back(std::move(made));
    }
    return identity;
  } catch (const nlohmann::json::exception&) {
    throw Error::user({.what = "this does not say which data the run has read",
                       .where = path.string(),
                       .fix = "if the data is what it was, remove the file"});
  }
}

std::int64_t size_of(const SourceIdentity& source) {
  std::int64_t bytes = 0;
  for (const DataFileFacts& file : source.files) bytes += file.size_bytes;
  return bytes;
}

std::string change_of(const SourceIdentity& before, const SourceIdentity& now) {
  std::string what = now.rows != before.rows ? base::text(now.rows, " rows instead of ", before.rows)
                                             : base::text("other content or another order of its ", now.rows, " rows");
  if (now.files.size() != before.files.size())
    what += base::text(", ", now.files.size(), " files instead of ", before.files.size());
  if (size_of(now) != size_of(before))
    what += base::text(", ", base::bytes_text(size_of(now)), " instead of ", base::bytes_text(size_of(before)));
  return now.path + ": " + what;
}

}  // namespace

DataFileFacts data_file_facts(const std::string& path) {
  struct stat facts {};
  if (::stat(path.c_str(), &facts) != 0)
    throw Error::user({.what = std::string("cannot read the data: ") + std::strerror(errno), .where = path});
  return {path, facts.st_size, facts.st_mtim.tv_sec * std::int64_t{1'000'000'000} + facts.st_mtim.tv_nsec};
}

fs::path data_identity_file(const fs::path& run_folder) { return run_folder / "data_identity.json"; }

std::optional<DataIdentity> read_data_identity(const fs::path& run_folder) {
  return read(data_identity_file(run_folder));
}

std::vector<std::string> data_changes(const DataIdentity& before, const DataIdentity& now) {
  std::vector<std::string> changes;
  if (before.sources.size() != now.sources.size())
    changes.push_back(base::text(now.sources.size(), " sources instead of ", before.sources.size()));
  for (std::size_t s = 0; s < std::min(before.sources.size(), now.sources.size()); ++s)
    if (now.sources[s].rows != before.sources[s].rows || now.sources[s].digest != before.sources[s].digest)
      changes.push_back(change_of(before.sources[s], now.sources[s]));
  return changes;
}

void accept_data_change(const fs::path& run_folder) {
  std::error_code failed;
  if (!base::is_there(data_identity_file(run_folder))) return;
  fs::rename(data_identity_file(run_folder), accepted_file(run_folder), failed);
  if (failed)
    throw Error::user({.what = "cannot set aside what the run has read: " + failed.message(),
                       .where = data_identity_file(run_folder).string()});
}

std::vector<std::string> keep_data_identity(const fs::path& run_folder, DataIdentity now) {
  std::vector<std::string> accepted;
  if (const auto before = read_data_identity(run_folder)) {
    const std::vector<std::string> changes = data_changes(*before, now);
    if (!changes.empty())
      throw Error::user({.what = "the data has changed since the attempt before: " + base::join(changes, "; "),
                         .where = run_folder.string(),
                         .fix =
                             "its order and what is held out change with it: bring back the old data, begin a new run, "
                             "or resume with --data-changed"});
    now.accepted_changes = before->accepted_changes;
  } else if (const auto aside = read(accepted_file(run_folder))) {
    accepted = data_changes(*aside, now);
    now.accepted_changes = aside->accepted_changes + (accepted.empty() ? 0 : 1);
  }
  base::write_file(data_identity_file(run_folder), text_of(now));
  std::error_code ignored;
  fs::remove(accepted_file(run_folder), ignored);
  return accepted;
}

}  // namespace muster::spec
