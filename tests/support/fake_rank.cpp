// A rank that does no work, for tests of agent and supervisor: put in front of muster-rank by job.rank_wrapper, it maps
// the beat and behaves as told. Words: "1:segv" for rank 1, "segv" for all; the last word (muster-rank's path) is not
// read. Behaviours:
//   ok        beats and makes progress for 0.3 s, then exit 0        exit<N>  leaves with N and a message
//   segv      kills itself by SIGSEGV                                 stop     stops itself (SIGSTOP)
//   hang      beats, but makes no progress                            wait     beats inside a collective for ever
//   run       beats and makes progress until it is ended              deaf     as run, and ignores TERM
//   family    as ok, but leaves a sleeping child behind               nobeat   never beats
//   daemon    as ok, but leaves a child with a session of its own     kill     kills itself by SIGKILL
//   env       writes its environment to its log, then as ok           usr2     runs until USR2 comes, then exit 0
//   records   as run for 1 s, appending to steps.jsonl while the epoch is its own; exit 4 when it is not
//   stubborn  as records, for ever
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <stop_token>
#include <string>
#include <thread>

#include "runtime/base/clock.h"
#include "runtime/base/error.h"
#include "runtime/base/json_lines.h"
#include "runtime/spec/beat.h"
#include "runtime/spec/epoch.h"
#include "runtime/spec/memory.h"
#include "runtime/spec/plan.h"
#include "runtime/spec/rank_env.h"

extern char** environ;

namespace {

using namespace muster;

volatile sig_atomic_t got_usr2 = 0;

std::string behaviour_of(int count, char** words, std::int64_t rank) {
  std::string behaviour = "ok";
  for (int i = 1; i + 1 < count; ++i) {
    const std::string word = words[i];
    const std::size_t colon = word.find(':');
    if (colon == std::string::npos) behaviour = word;
    if (colon != std::string::npos && std::stoll(word.substr(0, colon)) == rank) return word.substr(colon + 1);
  }
  return behaviour;
}

struct Life {
  spec::Beat beat;
  bool progresses = true;

  // Lives for so long (for ever when negative), or until USR2 where that is waited for.
  void live(double seconds, bool until_usr2 = false) {
    const base::Stopwatch watch;
    while (seconds < 0 || watch.elapsed_s() < seconds) {
      if (until_usr2 && got_usr2) return;
      if (progresses) beat.page().progress.fetch_add(1);
      ::usleep(20'000);
    }
  }
};

int write_records(Life& life, const spec::RankEnv& env, bool for_ever) {
  const spec::Placement placement = spec::read_placement(env.placement);
  const std::filesystem::path folder = spec::read_plan(env.plan).run_folder;
  base::JsonLinesWriter steps(spec::RunPaths{folder}.steps());
  try {
    for (std::int64_t step = 1; for_ever || step <= 10; ++step) {
      if (env.rank == 0) {
        spec::check_epoch(folder, placement.attempt_id);
        steps.append({{"step", step},
                      {"attempt", placement.attempt},
                      {"reward", 0.1 * static_cast<double>(step)},
                      {"step_s", 0.1}});
      }
      life.live(0.1);
    }
  } catch (const Error& error) {
    spec::set_text(life.beat.page().message, error.what());
    return error.exit_code();
  }
  return 0;
}

int behave(const std::string& behaviour, Life& life, const spec::RankEnv& env) {
  if (behaviour.starts_with("exit")) {
    life.live(0.2);
    const int code = std::stoi(behaviour.substr(4));
    spec::set_text(life.beat.page().message, "it was told to leave with " + std::to_string(code));
    return code;
  }
  if (behaviour == "segv") {
    life.live(0.2);
    ::kill(::getpid(), SIGSEGV);
  }
  if (behaviour == "kill") {
    life.live(0.2);
    ::kill(::getpid(), SIGKILL);
  }
  if (behaviour == "daemon" && ::fork() == 0) {
    ::setsid();
    if (::fork() == 0) ::sleep(600);
    ::_exit(0);
  }
  if (behaviour == "stop") {
    life.live(0.2);
    ::kill(::getpid(), SIGSTOP);
  }
  if (behaviour == "hang") life.progresses = false;
  if (behaviour == "wait") {
    life.beat.page().calls = 12;
    life.beat.page().in_call = 1;
    life.progresses = false;
  }
  if (behaviour == "deaf") ::signal(SIGTERM, SIG_IGN);
  if (behaviour == "env")
    for (char** line = environ; *line != nullptr; ++line) std::puts(*line);
  if (behaviour == "family" && ::fork() == 0) {
    ::sleep(600);
    ::_exit(0);
  }
  if (behaviour == "records" || behaviour == "stubborn") return write_records(life, env, behaviour == "stubborn");
  const bool is_short = behaviour == "ok" || behaviour == "env" || behaviour == "family" || behaviour == "daemon";
  life.live(is_short ? 0.3 : -1, behaviour == "usr2");
  return 0;
}

}  // namespace

int main(int count, char** words) {
  try {
    const spec::RankEnv env = spec::parse_rank_env();
    const std::string behaviour = behaviour_of(count, words, env.rank);
    ::signal(SIGUSR2, [](int) { got_usr2 = 1; });
    Life life{spec::Beat::open(env.beat_fd)};
    const spec::StackAnswers answers(life.beat.page().stacks);
    life.beat.page().phase = static_cast<std::uint32_t>(spec::Phase::train);
    spec::set_text(life.beat.page().last_call, "train.dp all_reduce #12 grads");
    std::jthread pulse([&life, quiet = behaviour == "nobeat"](std::stop_token stop) {
      while (!stop.stop_requested() && !quiet) {
        life.beat.page().beats.fetch_add(1);
        ::usleep(20'000);
      }
    });
    std::printf("fake rank %lld: %s\n", static_cast<long long>(env.rank), behaviour.c_str());
    std::fflush(stdout);
    const int code = behave(behaviour, life, env);
    std::fflush(nullptr);
    if (code != 0) ::_exit(code);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "fake rank: %s\n", error.what());
    return 99;
  }
}
