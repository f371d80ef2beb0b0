#include "runtime/spec/rank_env.h"

#include <charconv>
#include <cstdlib>

#include "runtime/base/error.h"
#include "runtime/base/text.h"

namespace muster::spec {

using base::text;

namespace {

constexpr const char* kStartedByNode = "ranks are started by muster-runtime node; `muster run` starts everything";

std::string needed(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr || *value == '\0')
    throw Error::user({.what = text(name, " is not set"), .where = "environment", .fix = kStartedByNode});
  return value;
}

std::int64_t number_of(const char* name, const std::string& value) {
  std::int64_t number = 0;
  const auto [end, code] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (code != std::errc() || end != value.data() + value.size() || number < 0 || number > 1 << 30) {
    throw Error::user(
        {.what = text(name, " = \"", value, "\" is no number from 0"), .where = "environment", .fix = kStartedByNode});
  }
  return number;
}

std::string value_or(const char* name, const char* fallback) {
  const char* value = std::getenv(name);
  return value == nullptr ? fallback : value;
}

}  // namespace

std::vector<std::string> rank_env_lines(const RankEnv& env) {
  std::vector<std::string> fds;
  for (const int fd : env.reward_fds) fds.push_back(std::to_string(fd));
  return {text("MUSTER_RANK=", env.rank), "MUSTER_PLAN=" + env.plan.string(),
          "MUSTER_PLACEMENT=" + env.placement.string(), text("MUSTER_BEAT_FD=", env.beat_fd),
          "MUSTER_REWARD_FDS=" + base::join(fds, ",")};
}

RankEnv parse_rank_env() {
  RankEnv env;
  env.rank = number_of("MUSTER_RANK", needed("MUSTER_RANK"));
  env.plan = needed("MUSTER_PLAN");
  env.placement = needed("MUSTER_PLACEMENT");
  const std::string beat = value_or("MUSTER_BEAT_FD", "-1");
  if (beat != "-1") env.beat_fd = static_cast<int>(number_of("MUSTER_BEAT_FD", beat));
  const std::string fds = value_or("MUSTER_REWARD_FDS", "");
  if (fds.empty()) return env;
  for (const std::string& fd : base::split(fds, ','))
    env.reward_fds.push_back(static_cast<int>(number_of("MUSTER_REWARD_FDS", fd)));
  return env;
}

std::optional<SlurmEnv> parse_slurm_env() {
  const char* job_id = std::getenv("SLURM_JOB_ID");
  if (job_id == nullptr || *job_id == '\0') return {};
  SlurmEnv env;
  env.job_id = job_id;
  env.restart_count = number_of("SLURM_RESTART_COUNT", value_or("SLURM_RESTART_COUNT", "0"));
  env.node_list = value_or("SLURM_JOB_NODELIST", value_or("SLURM_NODELIST", "").c_str());
  env.node_id = number_of("SLURM_NODEID", value_or("SLURM_NODEID", "0"));
  env.node_name = value_or("SLURMD_NODENAME", "");
  env.submit_folder = value_or("SLURM_SUBMIT_DIR", "");
  return env;
}

}  // namespace muster::spec
