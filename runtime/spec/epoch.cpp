#include "runtime/spec/epoch.h"

#include <unistd.h>

#include <nlohmann/json.hpp>

#include "runtime/base/error.h"
#include "runtime/base/files.h"
#include "runtime/base/json_text.h"
#include "runtime/base/process.h"
#include "runtime/base/text.h"
#include "runtime/spec/plan.h"

namespace muster::spec {

std::string epoch_text(const Epoch& epoch) {
  const nlohmann::ordered_json object{{"attempt", epoch.attempt}, {"id", epoch.id},
                                      {"host", epoch.host},       {"boot_id", epoch.boot_id},
                                      {"pid", epoch.pid},         {"start_ticks", epoch.start_ticks}};
  return base::json_text(object) + "\n";
}

Epoch parse_epoch(const std::string& text, const std::string& where) {
  const auto object = nlohmann::json::parse(text, nullptr, false);
  const auto has = [&](const char* key, auto is_type) { return object.contains(key) && is_type(object[key]); };
  const auto is_text = [](const nlohmann::json& value) { return value.is_string(); };
  const auto is_whole = [](const nlohmann::json& value) { return value.is_number_integer(); };
  if (!object.is_object() || !has("attempt", is_whole) || !has("id", is_text) || !has("host", is_text) ||
      !has("boot_id", is_text) || !has("pid", is_whole))
    throw Error::user({.what = "not an epoch file: attempt, id, host, boot_id and pid are expected",
                       .where = where,
                       .fix = "if no attempt of this run is going on, remove the file"});
  return Epoch{.attempt = object["attempt"],
               .id = object["id"],
               .host = object["host"],
               .boot_id = object["boot_id"],
               .pid = object["pid"],
               .start_ticks = has("start_ticks", is_whole) ? object["start_ticks"].get<std::int64_t>() : 0};
}

std::optional<Epoch> current_epoch(const std::filesystem::path& run_folder) {
  const std::filesystem::path path = RunPaths{run_folder}.epoch();
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) return std::nullopt;
  return parse_epoch(base::read_file(path), path.string());
}

void check_epoch(const std::filesystem::path& run_folder, const std::string& attempt_id) {
  const std::optional<Epoch> epoch = current_epoch(run_folder);
  if (!epoch && is_removed(run_folder))
    throw Error::user({.what = "the file epoch of this run is gone: its folder was removed or moved while it ran",
                       .where = run_folder.string(),
                       .fix = "begin the run again; cancel a run before its folder is removed"});
  if (!epoch || epoch->id == attempt_id) return;
  throw Error::rank({.what = base::text("attempt ", epoch->attempt, " on ", epoch->host,
                                        " has taken over this run, so this attempt may not write any more"),
                     .where = run_folder.string()});
}

bool is_removed(const std::filesystem::path& run_folder) {
  // Asked again, because on a network file system a file that is being replaced can be missing for a moment.
  for (int i = 0; i < 3; ++i) {
    std::error_code code;
    if (std::filesystem::status(RunPaths{run_folder}.epoch(), code).type() != std::filesystem::file_type::not_found)
      return false;
    ::usleep(100'000);
  }
  return true;
}

bool is_alive_here(const Epoch& epoch) {
  if (epoch.host != this_host() || epoch.boot_id != this_boot_id() || epoch.pid <= 1 || epoch.pid == ::getpid())
    return false;
  const auto pid = static_cast<pid_t>(epoch.pid);
  if (epoch.start_ticks > 0) return base::is_alive(pid, epoch.start_ticks);
  // A file of an older version names no start: only a program of that name can be it.
  std::error_code code;
  const std::string program = std::filesystem::read_symlink(base::text("/proc/", pid, "/exe"), code).filename();
  return !code && (program == "muster" || program == "muster (deleted)");
}

std::string this_boot_id() {
  try {
    return base::trim(base::read_file("/proc/sys/kernel/random/boot_id"));
  } catch (const Error&) {
    return "";  // not Linux's proc: the id only tells two boots of one host apart
  }
}

std::string this_host() {
  char name[256] = {};
  ::gethostname(name, sizeof name - 1);
  return name;
}

}  // namespace muster::spec
