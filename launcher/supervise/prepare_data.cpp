#include "launcher/supervise/prepare_data.h"

#include <algorithm>
#include <optional>

#include "runtime/base/error.h"
#include "runtime/base/followed_file.h"
#include "runtime/base/process.h"
#include "runtime/base/text.h"

namespace muster::supervise {
namespace {

namespace fs = std::filesystem;

constexpr double kIndexLook_s = 0.05;

[[noreturn]] void fail(const base::ChildEnd& end, const std::vector<std::string>& said, const fs::path& log) {
  constexpr std::string_view kSpeaker = "muster-runtime: ";
  std::string sentence = base::join(said, "\n");
  if (const auto at = sentence.rfind(kSpeaker); at != std::string::npos)
    sentence = sentence.substr(at + kSpeaker.size());
  if (end.signal == 0 && end.code == 2) throw Error::user({.what = sentence});
  throw Error::rank({.what = base::text("the data could not be indexed: ",
                                        end.signal != 0 ? base::text("ended by signal ", end.signal)
                                                        : base::text("left with code ", end.code, ": ", sentence)),
                     .where = log.string()});
}

}  // namespace

void prepare_data(const spec::Plan& plan, const Attempt& attempt, base::SignalQueue& signals,
                  const std::function<void(const std::string&)>& say) {
  const std::vector<spec::DataSource> sources = spec::data_sources(plan.job.data);
  if (std::all_of(sources.begin(), sources.end(),
                  [](const spec::DataSource& source) { return source.path.starts_with("builtin:"); }))
    return;
  const fs::path log = attempt.paths.attempt(attempt.number()) / "index.log";
  const pid_t child = base::start_child(
      {.command = {(plan.binaries / "muster-runtime").string(), "index", "--plan", attempt.paths.plan().string()},
       .output = log,
       .keeps_ignored = true});
  base::FollowedFile lines(log);
  std::vector<std::string> said;
  const auto listen = [&] { lines.read_lines([&](std::string_view line) { said.emplace_back(line); }); };
  std::size_t told = 0;
  int stop = 0;
  std::optional<base::ChildEnd> end;
  while (!(end = base::wait_child(child, false))) {
    const int signal = signals.wait(kIndexLook_s);
    if (signal == SIGINT || signal == SIGTERM || signal == SIGHUP) {
      stop = signal;
      base::signal_child(child, SIGKILL);
    }
    listen();
    for (; told < said.size() && said[told].starts_with("indexing "); ++told) say(said[told]);  // progress alone
  }
  listen();
  if (stop != 0) throw Error::rank({.what = base::text("ended by signal ", stop, " while the data was indexed")});
  if (end->code != 0 || end->signal != 0) fail(*end, said, log);
  for (; told < said.size(); ++told) say(said[told]);
}

}  // namespace muster::supervise
