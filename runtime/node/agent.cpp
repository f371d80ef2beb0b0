#include "runtime/node/agent.h"

#include <signal.h>

#include <cstdio>
#include <functional>
#include <set>

#include "runtime/base/clock.h"
#include "runtime/base/error.h"
#include "runtime/base/followed_file.h"
#include "runtime/base/inherited.h"
#include "runtime/base/signals.h"
#include "runtime/base/subreaper.h"
#include "runtime/base/text.h"
#include "runtime/node/killed_rank.h"
#include "runtime/node/node_check.h"
#include "runtime/node/rank_process.h"
#include "runtime/node/rank_start.h"
#include "runtime/node/stack_responder.h"
#include "runtime/spec/epoch.h"
#include "runtime/spec/exit_cause.h"
#include "runtime/spec/rank_env.h"

namespace muster::node {
namespace {

constexpr double kLook_s = 0.5;    // between two looks at the beats
constexpr double kSettle_s = 0.3;  // after a failure: what ends within it ended by itself
constexpr double kGrace_s = 3;     // from TERM to KILL
constexpr double kKill_s = 10;     // from KILL to giving up on a process that the kernel holds
constexpr double kFence_s = 2;     // between two looks at the epoch file

void say(const char* level, const std::string& sentence) {
  std::fprintf(stderr, "%s %s agent: %s\n", base::wall_clock_text().c_str(), level, sentence.c_str());
}

class Agent {
 public:
  Agent(const spec::Plan& plan, const spec::Placement& placement, const AgentOptions& options)
      : plan_(plan), placement_(placement), options_(options), paths_{plan.run_folder}, watch_(plan.job.watchdog) {
    for (const spec::NodePlace& node : placement.nodes)
      if (node.slot == options.slot) host_ = node.host;
    responder_.emplace(paths_, placement.attempt, options.slot, host_);
  }

  int run() {
    start();
    while (any_runs()) {
      take_signal(signals_.wait(kLook_s));
      reap();
      reap_orphans();
      check_silence();
      if (!ending_since_s_) responder_->poll(ranks_, still_);
      check_fence();
      if (fails_since_s_ && base::steady_s() - *fails_since_s_ > kSettle_s) end_all("one of its ranks failed");
      press();
    }
    clear();
    return verdict();
  }

 private:
  void start() {
    const bool may_prefer_memory = base::prefer_memory_node(0) && base::prefer_memory_node(-1);
    const std::string differences = node_differences(plan_, options_.slot, allowed_cpus(), may_prefer_memory);
    if (!differences.empty()) say("warning", differences);
    for (const spec::RankPlan& rank : plan_.ranks) {
      if (rank.node_slot != options_.slot) continue;
      try {
        ranks_.emplace_back(plan_, rank, options_.plan, options_.placement, options_.binaries,
                            paths_.rank_log(placement_.attempt, rank.rank));
      } catch (const Error& error) {
        say("error", error.what());
        spec::ExitRecord record{.rank = rank.rank,
                                .host = host_,
                                .attempt_id = placement_.attempt_id,
                                .code = error.exit_code(),
                                .phase = spec::phase_name(spec::Phase::start),
                                .message = error.what()};
        write(record);
        end_all("a rank could not be started");
        return;
      }
    }
    inform(base::text("started ", ranks_.size(), " ranks of slot ", options_.slot, " on ", host_));
    for (const std::string& line : site_environment()) inform("from the cluster's setup lines: " + masked(line));
  }

  void inform(const std::string& sentence) const {
    if (!options_.is_quiet) say("info", sentence);
  }

  bool any_runs() const {
    for (const RankProcess& rank : ranks_)
      if (rank.runs() && !given_up_) return true;
    return false;
  }

  void take_signal(int signal) {
    if (signal == 0 || signal == SIGCHLD) return;
    if (signal == SIGUSR2) {
      for (const RankProcess& rank : ranks_) rank.signal(SIGUSR2);
      return;
    }
    told_to_end_ = signal;
    end_all(base::text("told to end by signal ", signal));
  }

  void reap() {
    for (RankProcess& rank : ranks_) {
      for (const std::string& line : rank.lost_workers()) say("warning", line);
      if (!rank.reap()) continue;
      const spec::ExitRecord record = rank.record(host_, placement_.attempt_id);
      if (!spec::is_success(record) && !fails_since_s_) fails_since_s_ = base::steady_s();
    }
    for (const RankProcess& rank : ranks_)
      if (!rank.runs() && (ending_since_s_ || spec::is_success(rank.record(host_, placement_.attempt_id))))
        write_once(rank);
  }

  // What a rank's or a grader's program left behind comes to us, because we are the subreaper.
  void reap_orphans() const {
    std::vector<pid_t> own;
    for (const RankProcess& rank : ranks_) {
      const std::vector<pid_t> pids = rank.running();
      own.insert(own.end(), pids.begin(), pids.end());
    }
    subreaper_.reap_orphans(own);
  }

  void check_silence() {
    if (ending_since_s_ || base::steady_s() - looked_s_ < kLook_s) return;
    looked_s_ = base::steady_s();
    std::vector<RankSnapshot> snapshots;
    for (const RankProcess& rank : ranks_)
      if (rank.runs()) snapshots.push_back(rank.snapshot());
    const std::optional<SilentRank> silence = watch_.check(looked_s_, snapshots);
    if (!silence) return;
    const std::string sentence = base::text("rank ", silence->rank, " is silent: ", silence->reason);
    say("error", sentence);
    const std::filesystem::path stacks = responder_->take(ranks_, still_, sentence);
    for (RankProcess& rank : ranks_)
      if (rank.rank() == silence->rank)
        rank.end_as_silent(silence->reason + (stacks.empty() ? "" : "; `muster stacks` shows where it stood"));
    if (!fails_since_s_) fails_since_s_ = looked_s_;
  }

  void check_fence() {
    if (ending_since_s_ || base::steady_s() - fenced_s_ < kFence_s) return;
    fenced_s_ = base::steady_s();
    try {
      spec::check_epoch(plan_.run_folder, placement_.attempt_id);
    } catch (const Error& error) {
      const bool is_removed = spec::is_removed(plan_.run_folder);
      // Unreadable just now: the writers look again themselves.
      if (error.kind() != base::ErrorKind::rank && !is_removed) return;
      lost_folder_ = error.exit_code();
      say("error", error.what());
      end_all(is_removed ? "the run folder is gone" : "another attempt has taken over");
    }
  }

  // From now on what ends is ended by us.
  void end_all(const std::string& why) {
    if (ending_since_s_) return;
    ending_since_s_ = base::steady_s();
    std::int64_t count = 0;
    for (RankProcess& rank : ranks_) {
      if (!rank.runs()) continue;
      rank.mark_ended_by_agent();
      rank.signal(SIGTERM);
      ++count;
    }
    inform(base::text("ends ", count, " ranks: ", why));
    reap();
  }

  // TERM is followed by KILL, KILL by giving up.
  void press() {
    if (!ending_since_s_) return;
    const double waited_s = base::steady_s() - *ending_since_s_;
    if (waited_s > kGrace_s)
      for (RankProcess& rank : ranks_)
        if (rank.runs()) rank.kill_all();
    given_up_ = waited_s > kGrace_s + kKill_s;
  }

  // Nothing of ours is left: workers, and what ranks and graders left behind.
  void clear() {
    for (RankProcess& rank : ranks_) rank.finish_workers(1);
    for (const RankProcess& rank : ranks_) write_once(rank);
    const int killed = subreaper_.end_rest(kGrace_s);
    if (killed > 0) inform(base::text("ended ", killed, " processes that ranks and their programs left behind"));
  }

  void write_once(const RankProcess& rank) {
    if (!written_.insert(rank.rank()).second) return;
    spec::ExitRecord record = rank.record(host_, placement_.attempt_id);
    // A signal to the whole job reaches the ranks themselves a moment before us.
    if (told_to_end_ != 0 && record.signal == told_to_end_) record.ended_by_agent = true;
    const bool was_killed = record.signal == SIGKILL && !record.ended_by_agent && !record.silent;
    if (was_killed && record.message.empty())
      record.message = killed_text(record.peak_memory_bytes, oom_before_, read_oom_kills(), read_memory());
    // One that said nothing of its end: a loader, a wrapper or a library may have.
    if (record.code != 0 && record.message.empty())
      for (const std::string& line : base::last_lines(paths_.rank_log(placement_.attempt, record.rank), 1))
        record.message = line;
    write(record);
  }

  void write(const spec::ExitRecord& record) {
    records_.push_back(record);
    if (!spec::is_success(record) && !record.ended_by_agent) say("error", spec::exit_sentence(record));
    try {
      base::write_file(paths_.rank_exit(placement_.attempt, record.rank), spec::exit_record_json(record));
    } catch (const Error& error) {
      say("error", error.what());
    }
  }

  int verdict() const {
    const spec::ExitRecord* cause = spec::cause_of(records_);
    if (cause != nullptr && !cause->ended_by_agent) return spec::exit_code_of(*cause);
    if (cause == nullptr) return 0;
    if (lost_folder_ != 0) return lost_folder_;
    return told_to_end_ != 0 ? 128 + told_to_end_ : 4;
  }

  const spec::Plan& plan_;
  const spec::Placement& placement_;
  const AgentOptions& options_;
  spec::RunPaths paths_;
  const base::Subreaper subreaper_;
  const OomKills oom_before_ = read_oom_kills();
  base::SignalQueue signals_{SIGTERM, SIGINT, SIGHUP, SIGUSR2, SIGCHLD};
  Watch watch_;
  const StackResponder::SecondsSinceProgress still_ = [this](std::int64_t rank) {
    return watch_.still_s(rank, base::steady_s());
  };
  std::optional<StackResponder> responder_;
  std::string host_;
  std::vector<RankProcess> ranks_;
  std::set<std::int64_t> written_;
  std::vector<spec::ExitRecord> records_;
  std::optional<double> fails_since_s_, ending_since_s_;
  double looked_s_ = 0, fenced_s_ = 0;
  int told_to_end_ = 0;
  int lost_folder_ = 0;  // the exit code, once the run folder is another attempt's or gone
  bool given_up_ = false;
};

}  // namespace

int run_agent(const spec::Plan& plan, const spec::Placement& placement, const AgentOptions& options) {
  spec::check_placement(placement, plan, options.placement.string());
  if (options.slot < 0 || options.slot >= plan.num_nodes)
    throw Error::user(
        {.what = base::text("slot ", options.slot, " is not among the ", plan.num_nodes, " node slots of the plan"),
         .where = options.plan.string()});
  base::ignore_broken_pipes();
  raise_limits();
  return Agent(plan, placement, options).run();
}

std::int64_t own_slot(const spec::Placement& placement) {
  const std::optional<spec::SlurmEnv> slurm = spec::parse_slurm_env();
  const std::string name = slurm && !slurm->node_name.empty() ? slurm->node_name : spec::this_host();
  std::vector<std::string> hosts;
  for (const spec::NodePlace& node : placement.nodes) {
    if (node.host == name) return node.slot;
    hosts.push_back(node.host);
  }
  throw Error::user({.what = base::text("this node is '", name, "', but the placement knows ", base::join(hosts, ", ")),
                     .fix = "give --slot"});
}

}  // namespace muster::node
