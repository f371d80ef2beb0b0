#include "runtime/node/rank_start.h"

#include <sched.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>

#include "runtime/base/text.h"
#include "runtime/reward/worker.h"
#include "runtime/spec/layout.h"
#include "runtime/spec/rank_env.h"

namespace muster::node {
namespace {

// What a process needs to find its files and libraries, and the devices that Slurm gave to this job.
constexpr std::array kInherited{"PATH",
                                "HOME",
                                "USER",
                                "LOGNAME",
                                "LANG",
                                "LC_ALL",
                                "TMPDIR",
                                "TZ",
                                "MUSTER_CACHE",
                                "XDG_CACHE_HOME",
                                "LD_LIBRARY_PATH",
                                "CUDA_VISIBLE_DEVICES",
                                "ASAN_OPTIONS",
                                "UBSAN_OPTIONS",
                                "TSAN_OPTIONS"};

std::string name_of(const std::string& line) { return line.substr(0, line.find('=')); }

void set(std::vector<std::string>& lines, const std::string& line) {
  const auto same = std::find_if(lines.begin(), lines.end(),
                                 [&](const std::string& other) { return name_of(other) == name_of(line); });
  if (same == lines.end()) {
    lines.push_back(line);
  } else {
    *same = line;
  }
}

}  // namespace

bool scores(const spec::Plan& plan, const spec::RankPlan& rank) {
  if (!rank.gen_rank || plan.job.verb.kind != "steps") return false;
  const spec::Coordinates place = spec::place_of(plan.generate, *rank.gen_rank);
  return place.tp == 0 && place.pp == 0;
}

std::vector<std::string> inherited_environment() {
  std::vector<std::string> lines;
  for (const char* name : kInherited)
    if (const char* value = std::getenv(name)) lines.push_back(base::text(name, '=', value));
  for (const std::string& line : site_environment()) set(lines, line);
  return lines;
}

std::string masked(const std::string& line) {
  std::string name = name_of(line);
  for (char& c : name) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  for (const char* word : {"KEY", "TOKEN", "SECRET", "PASSW", "CREDENTIAL"})
    if (name.find(word) != std::string::npos) return name_of(line) + "=(not shown)";
  return line;
}

std::vector<std::string> site_environment() {
  std::vector<std::string> lines;
  const char* names = std::getenv(spec::kSiteNames);
  for (const std::string& name : base::split(names == nullptr ? "" : names, ' '))
    if (const char* value = name.empty() || name.starts_with("SLURM_") ? nullptr : std::getenv(name.c_str()))
      lines.push_back(base::text(name, '=', value));
  return lines;
}

std::vector<std::string> rank_environment(const spec::Plan& plan, const spec::RankPlan& rank,
                                          const spec::RankEnv& told) {
  std::vector<std::string> lines = inherited_environment();
  for (const auto* values : {&plan.environment, &rank.environment})
    for (const spec::EnvironmentValue& value : *values) set(lines, value.name + "=" + value.value);
  for (const std::string& line : spec::rank_env_lines(told)) set(lines, line);
  return lines;
}

std::vector<std::string> worker_environment(const spec::RewardJob& job) {
  std::vector<std::string> lines = inherited_environment();
  for (const std::string& name : job.environment)
    if (const char* value = std::getenv(name.c_str())) set(lines, base::text(name, '=', value));
  return lines;
}

std::vector<int> usable_cpus(const std::vector<int>& wanted, const std::vector<int>& allowed) {
  std::vector<int> usable;
  for (const int cpu : wanted)
    if (std::find(allowed.begin(), allowed.end(), cpu) != allowed.end()) usable.push_back(cpu);
  return usable;
}

std::vector<int> allowed_cpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  std::vector<int> cpus;
  if (::sched_getaffinity(0, sizeof set, &set) != 0) return cpus;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu)
    if (CPU_ISSET(cpu, &set)) cpus.push_back(cpu);
  return cpus;
}

base::ChildOptions rank_child(const spec::Plan& plan, const spec::RankPlan& rank, const spec::RankEnv& told,
                              const std::filesystem::path& binaries, int log_fd) {
  base::ChildOptions child;
  child.command = plan.job.rank_wrapper;
  child.command.push_back((binaries / "muster-rank").string());
  child.environment = rank_environment(plan, rank, told);
  child.output_fd = child.error_fd = log_fd;
  child.keeps_ignored = true;
  child.inherit = told.reward_fds;
  child.inherit.push_back(told.beat_fd);
  child.cpus = usable_cpus(rank.cpus, allowed_cpus());
  if (rank.memory_node) child.memory_node = static_cast<int>(*rank.memory_node);
  return child;
}

base::ChildOptions worker_child(const spec::Plan& plan, const spec::RankPlan& rank, int fd,
                                const std::filesystem::path& binaries, int log_fd) {
  base::ChildOptions child;
  const spec::RewardJob& job = plan.job.reward;
  child.command = {(binaries / "muster-runtime").string()};
  for (const std::string& word : reward::reward_arguments(
           fd, {.timeout_s = job.timeout_s,
               .start_timeout_s = job.start_timeout_s,
               .max_memory_gb = job.max_memory_gb,
               .log_mb = static_cast<double>(plan.job.log.max_mb) / 2 / static_cast<double>(job.workers),
               .rank = rank.rank}))
    child.command.push_back(word);
  child.environment = worker_environment(job);
  child.output_fd = child.error_fd = log_fd;
  child.keeps_ignored = true;
  child.inherit = {fd};
  return child;
}

void raise_limits() {
  const rlimit none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
  for (const auto resource : {RLIMIT_NOFILE, RLIMIT_MEMLOCK}) {
    rlimit limit{};
    if (::getrlimit(resource, &limit) != 0) continue;
    limit.rlim_cur = resource == RLIMIT_NOFILE ? std::min<rlim_t>(limit.rlim_max, 1 << 20) : limit.rlim_max;
    ::setrlimit(resource, &limit);
  }
}

}  // namespace muster::node
