// Control groups: version 2 counts in memory.events, version 1 in memory.oom_control. Inside a container the path that
// /proc names can be the host's; the group is then mounted at the top.
#include "runtime/node/killed_rank.h"

#include <sstream>
#include <vector>

#include "runtime/base/error.h"
#include "runtime/base/files.h"
#include "runtime/base/text.h"

namespace muster::node {
namespace {

namespace fs = std::filesystem;
using base::text;

std::string content_of(const fs::path& file) {
  try {
    return base::is_there(file) ? base::read_file(file) : "";
  } catch (const Error&) {
    return "";  // it may not be read here: nothing is known
  }
}

/// The number behind `word` in a file of lines "word number ...".
std::optional<std::int64_t> number_after(const fs::path& file, const std::string& word) {
  std::istringstream lines(content_of(file));
  for (std::string line; std::getline(lines, line);) {
    std::istringstream fields(line);
    std::string name;
    std::int64_t number = 0;
    if (fields >> name >> number && name == word) return number;
  }
  return std::nullopt;
}

std::optional<std::int64_t> kills_in_group(const fs::path& root) {
  const fs::path mount = root / "sys/fs/cgroup";
  std::vector<fs::path> files;
  std::istringstream groups(content_of(root / "proc/self/cgroup"));
  for (std::string line; std::getline(groups, line);) {
    const std::vector<std::string> parts = base::split(line, ':');  // number:controllers:/path
    if (parts.size() != 3) continue;
    const fs::path path = fs::path(parts[2]).relative_path();
    if (parts[1].empty()) files.insert(files.end(), {mount / path / "memory.events", mount / "memory.events"});
    if (parts[1] == "memory")
      files.insert(files.end(),
                   {mount / "memory" / path / "memory.oom_control", mount / "memory" / "memory.oom_control"});
  }
  for (const fs::path& file : files)
    if (const auto kills = number_after(file, "oom_kill")) return kills;
  return std::nullopt;
}

bool has_grown(const std::optional<std::int64_t>& before, const std::optional<std::int64_t>& now) {
  return before && now && *now > *before;
}

}  // namespace

OomKills read_oom_kills(const fs::path& root) {
  return {.in_job = kills_in_group(root), .on_node = number_after(root / "proc/vmstat", "oom_kill")};
}

NodeMemory read_memory(const fs::path& root) {
  const auto bytes = [&](const char* word) { return number_after(root / "proc/meminfo", word).value_or(0) * 1024; };
  return {.total_bytes = bytes("MemTotal:"), .available_bytes = bytes("MemAvailable:")};
}

std::string killed_text(std::int64_t peak_bytes, const OomKills& before, const OomKills& now,
                        const NodeMemory& memory) {
  std::string figures = text("its peak memory was ", base::bytes_text(peak_bytes));
  if (memory.total_bytes > 0)
    figures += text(", and of the node's ", base::bytes_text(memory.total_bytes), " now ",
                    base::bytes_text(memory.available_bytes), " are free");
  const auto killed = [&](std::int64_t count, const char* where) {
    return text("out of memory: the kernel killed ", count, count == 1 ? " process" : " processes", " of this ", where,
                " for want of memory; ", figures);
  };
  if (has_grown(before.in_job, now.in_job)) return killed(*now.in_job - *before.in_job, "job");
  if (has_grown(before.on_node, now.on_node)) return killed(*now.on_node - *before.on_node, "node");
  if (now.in_job || now.on_node)
    return text("somebody sent it: the kernel counts no process killed for want of memory; ", figures);
  return text("often this is the kernel's out-of-memory killer (dmesg tells); ", figures);
}

}  // namespace muster::node
