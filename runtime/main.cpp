// muster-runtime: what runs on a node and needs no tensors. `node` is the node agent, `reward` a reward worker; every
// other verb (score, generate, check, ...) is muster-rank's, which lies beside it and takes the same words.
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "runtime/base/error.h"
#include "runtime/base/process.h"
#include "runtime/base/text.h"
#include "runtime/node/agent.h"
#include "runtime/reward/worker.h"

namespace muster {
namespace {

constexpr const char* kUsage =
    "usage: muster-runtime node --plan PLAN --placement PLACEMENT [--slot S]   the node agent (started by muster)\n"
    "       muster-runtime reward --fd N --timeout-s T --max-memory-gb G         a reward worker (started by the "
    "agent)\n"
    "       muster-runtime --version\n"
    "       muster-runtime VERB ...                                            any other verb runs in muster-rank\n";

// "--name value" pairs after the verb. throws: Error::user.
std::map<std::string, std::string> options_of(const std::vector<std::string>& words,
                                              const std::vector<std::string>& known) {
  std::map<std::string, std::string> options;
  for (std::size_t i = 1; i < words.size(); i += 2) {
    const std::string name = words[i].starts_with("--") ? words[i].substr(2) : "";
    if (std::find(known.begin(), known.end(), name) == known.end() || i + 1 >= words.size())
      throw Error::user({.what = base::text("cannot read '", words[i], "' after '", words[0], "'"),
                         .fix = base::text("--", base::join(known, ", --"), ", each with a value")});
    options[name] = words[i + 1];
  }
  return options;
}

const std::string& needed(const std::map<std::string, std::string>& options, const std::string& name) {
  const auto found = options.find(name);
  if (found == options.end()) throw Error::user({.what = base::text("--", name, " is missing")});
  return found->second;
}

template <class Number>
Number number_of(const std::map<std::string, std::string>& options, const std::string& name) {
  const std::string& word = needed(options, name);
  Number number{};
  const auto [end, code] = std::from_chars(word.data(), word.data() + word.size(), number);
  if (code != std::errc() || end != word.data() + word.size())
    throw Error::user({.what = base::text("--", name, " ", word, ": a number is expected")});
  return number;
}

int node(const std::vector<std::string>& words) {
  const auto options = options_of(words, {"plan", "placement", "slot"});
  const spec::Plan plan = spec::read_plan(needed(options, "plan"));
  const spec::Placement placement = spec::read_placement(needed(options, "placement"));
  return node::run_agent(
      plan, placement,
      {.slot = options.contains("slot") ? number_of<std::int64_t>(options, "slot") : node::own_slot(placement),
       .plan = needed(options, "plan"),
       .placement = needed(options, "placement"),
       .binaries = base::executable_folder()});
}

[[noreturn]] void become_rank(char** arguments) {
  const std::string rank = (base::executable_folder() / "muster-rank").string();
  ::execv(rank.c_str(), arguments);
  throw Error::user({.what = base::text("cannot start muster-rank: ", std::strerror(errno)),
                     .where = rank,
                     .fix = "build it with WITH_RUNTIME=ON"});
}

int run(int count, char** arguments) {
  const std::vector<std::string> words(arguments + 1, arguments + count);
  if (words.empty() || words[0] == "--help" || words[0] == "-h") {
    std::fputs(kUsage, words.empty() ? stderr : stdout);
    return words.empty() ? 2 : 0;
  }
  if (words[0] == "--version") {
    std::printf("muster-runtime %s\n", MUSTER_VERSION);
    return 0;
  }
  if (words[0] == "node") return node(words);
  if (words[0] == "reward") {
    // Signals to the whole job are the ranks' affair; a worker ends when its rank has closed the other end.
    for (const int signal : {SIGUSR2, SIGINT, SIGTERM, SIGPIPE}) ::signal(signal, SIG_IGN);
    return reward::reward_main({words.begin() + 1, words.end()});
  }
  become_rank(arguments);
}

}  // namespace
}  // namespace muster

int main(int count, char** arguments) {
  try {
    return muster::run(count, arguments);
  } catch (const muster::Error& error) {
    std::fprintf(stderr, "muster-runtime: %s\n", error.what());
    return error.exit_code();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "muster-runtime: %s (a defect of Muster)\n", error.what());
    return 70;
  }
}
