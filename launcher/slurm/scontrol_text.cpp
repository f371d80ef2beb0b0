#include "launcher/slurm/scontrol_text.h"

#include <cctype>
#include <cstdio>
#include <ctime>
#include <map>

#include "runtime/base/error.h"
#include "runtime/base/text.h"

namespace muster::slurm {
namespace {

bool is_key(const std::string& word) {
  if (word.empty() || !std::isupper(static_cast<unsigned char>(word[0]))) return false;
  for (const char c : word)
    if (!std::isalnum(static_cast<unsigned char>(c)) && c != '_' && c != ':' && c != '/') return false;
  return true;
}

std::string value(const Record& record, const std::string& key) {
  const auto found = record.find(key);
  return found == record.end() ? "" : found->second;
}

std::int64_t count(const std::string& text) {
  if (text.empty() || text == "UNLIMITED" || text.find_first_not_of("0123456789") != std::string::npos)
    return kUnlimited;
  return std::stoll(text);
}

std::string without_null(const std::string& text) { return text == "(null)" ? "" : text; }

}  // namespace

Record parse_record(const std::string& line) {
  Record record;
  std::string key;
  for (const std::string& word : base::split(line, ' ')) {
    const std::size_t equals = word.find('=');
    if (equals != std::string::npos && is_key(word.substr(0, equals))) {
      key = word.substr(0, equals);
      record.try_emplace(key, word.substr(equals + 1));
    } else if (!key.empty() && !word.empty()) {
      record[key] += " " + word;
    }
  }
  return record;
}

std::vector<PartitionFacts> parse_partitions(const std::string& text) {
  std::vector<PartitionFacts> partitions;
  for (const std::string& line : base::split(text, '\n')) {
    const Record record = parse_record(line);
    if (!record.contains("PartitionName")) continue;
    partitions.push_back({.name = value(record, "PartitionName"),
                          .is_default = value(record, "Default") == "YES",
                          .is_up = value(record, "State") == "UP",
                          .max_time_s = parse_duration(value(record, "MaxTime")),
                          .max_nodes = count(value(record, "MaxNodes")),
                          .total_nodes = std::max<std::int64_t>(0, count(value(record, "TotalNodes"))),
                          .max_memory_mb = count(value(record, "MaxMemPerNode")),
                          .nodes = without_null(value(record, "Nodes"))});
  }
  return partitions;
}

std::vector<NodeFacts> parse_nodes(const std::string& text) {
  std::vector<NodeFacts> nodes;
  for (const std::string& line : base::split(text, '\n')) {
    const Record record = parse_record(line);
    if (record.contains("NodeName"))
      nodes.push_back({.name = value(record, "NodeName"),
                       .address = value(record, "NodeAddr"),
                       .state = value(record, "State"),
                       .host = value(record, "NodeHostName"),
                       .gres = without_null(value(record, "Gres")),
                       .features = without_null(value(record, "AvailableFeatures")),
                       .memory_mb = std::max<std::int64_t>(0, count(value(record, "RealMemory")))});
  }
  return nodes;
}

std::vector<NodeFacts> in_order(const std::vector<NodeFacts>& nodes, const std::vector<std::string>& names) {
  std::map<std::string, const NodeFacts*> by_name;
  for (const NodeFacts& node : nodes) by_name[node.name] = &node;
  std::vector<NodeFacts> sorted;
  std::vector<std::string> unknown;
  for (const std::string& name : names) {
    const auto found = by_name.find(name);
    if (found == by_name.end()) {
      unknown.push_back(name);
    } else {
      sorted.push_back(*found->second);
    }
  }
  if (!unknown.empty()) throw Error::cluster({.what = base::text("Slurm knows no node ", base::join(unknown, ", "))});
  return sorted;
}

std::vector<BlockFacts> parse_blocks(const std::string& text) {
  std::vector<BlockFacts> blocks;
  for (const std::string& line : base::split(text, '\n')) {
    const Record record = parse_record(line);
    const std::string name = value(record, "BlockName");
    const std::string nodes = without_null(value(record, "Nodes"));
    if (name.empty() || nodes.empty() || name.find_first_of("[,") != std::string::npos) continue;
    blocks.push_back(
        {.name = name, .nodes = nodes, .size = std::max<std::int64_t>(0, count(value(record, "BlockSize")))});
  }
  return blocks;
}

GpuGres parse_gpu_gres(const std::string& gres) {
  // "gpu:h100:8(S:0-1),nvme:1": the part of the GPUs without what stands in brackets.
  std::string plain;
  int depth = 0;
  for (const char c : gres) {
    if (c == '(') ++depth;
    if (depth == 0) plain += c;
    if (c == ')') --depth;
  }
  for (const std::string& part : base::split(plain, ',')) {
    const std::vector<std::string> words = base::split(part, ':');
    if (words[0] != "gpu" || words.size() < 2 || words.size() > 3) continue;
    return {.kind = words.size() == 3 ? words[1] : "", .count = std::max<std::int64_t>(0, count(words.back()))};
  }
  return {};
}

bool NodeFacts::is_away() const {
  if (state.empty() || state.find("POWER") != std::string::npos) return false;  // comes up when it is asked for
  if (state.find('*') != std::string::npos) return true;                        // does not answer
  for (const char* word : {"NOT_RESPONDING", "DOWN", "DRAIN", "FAIL", "UNKNOWN", "REBOOT", "INVAL", "MAINT", "FUTURE"})
    if (state.find(word) != std::string::npos) return true;
  return false;
}

JobFacts parse_job(const std::string& line) {
  const Record record = parse_record(line);
  JobFacts job{.id = value(record, "JobId"),
               .name = value(record, "JobName"),
               .state = value(record, "JobState"),
               .reason = value(record, "Reason"),
               .nodes = without_null(value(record, "NodeList")),
               .start_s = parse_time(value(record, "StartTime")),
               .end_s = parse_time(value(record, "EndTime")),
               .time_limit_s = parse_duration(value(record, "TimeLimit")),
               .restarts = std::max<std::int64_t>(0, count(value(record, "Restarts"))),
               .exit_code = value(record, "ExitCode")};
  if (job.reason == "None") job.reason.clear();
  return job;
}

bool JobFacts::is_over() const {
  for (const char* running : {"PENDING", "CONFIGURING", "RUNNING", "COMPLETING", "SUSPENDED", "STOPPED", "REQUEUED",
                              "REQUEUE_HOLD", "SPECIAL_EXIT", "SIGNALING", "STAGE_OUT", "RESIZING"})
    if (state == running) return false;
  return true;
}

std::int64_t parse_duration(const std::string& text) {
  if (text.empty() || text == "UNLIMITED" || text == "NONE" || text == "Partition_Limit" || text == "INVALID")
    return kUnlimited;
  const std::size_t dash = text.find('-');
  const std::int64_t days = dash == std::string::npos ? 0 : count(text.substr(0, dash));
  std::vector<std::int64_t> parts;
  for (const std::string& part : base::split(dash == std::string::npos ? text : text.substr(dash + 1), ':'))
    parts.push_back(count(part));
  bool is_good = days >= 0 && parts.size() <= 3;
  for (const std::int64_t part : parts) is_good = is_good && part >= 0;
  if (!is_good)
    throw Error::cluster({.what = base::text("'", text, "' is no time limit"), .fix = "days-hours:minutes:seconds"});
  // With days the first part is hours; without, one part is minutes, two are minutes:seconds.
  static constexpr std::int64_t kFromHours[3] = {3600, 60, 1};
  const std::size_t first = dash != std::string::npos ? 0 : parts.size() == 3 ? 0 : 1;
  std::int64_t seconds = days * 86400;
  for (std::size_t i = 0; i < parts.size(); ++i) seconds += parts[i] * kFromHours[first + i];
  return seconds;
}

std::string duration_text(std::int64_t seconds) {
  char text[64];
  std::snprintf(text, sizeof text, "%lld:%02d:%02d", static_cast<long long>(seconds / 3600),
                static_cast<int>(seconds / 60 % 60), static_cast<int>(seconds % 60));
  return text;
}

std::int64_t parse_time(const std::string& text) {
  std::tm parts{};
  if (::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &parts) == nullptr) return 0;
  parts.tm_isdst = -1;
  return static_cast<std::int64_t>(std::mktime(&parts));
}

}  // namespace muster::slurm
