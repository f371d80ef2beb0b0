#include "launcher/watch/watch.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <set>

#include "launcher/records/followed_run.h"
#include "launcher/records/submission.h"
#include "launcher/run/run_folder.h"
#include "launcher/watch/pages.h"
#include "launcher/watch/screen.h"
#include "runtime/base/clock.h"
#include "runtime/base/error.h"
#include "runtime/base/text.h"

namespace muster::watch {
namespace fs = std::filesystem;
using page::Ink;
using page::Line;
using page::Style;
using records::FollowedRun;

namespace {

constexpr double kRead_s = 1;    // between two looks at the files
constexpr double kFolder_s = 5;  // between two looks for new runs

/// The runs that are looked at. Those that cannot be read are told, never a reason to show nothing.
class Runs {
 public:
  explicit Runs(const std::vector<std::string>& words) : all_(words.empty()) {
    for (const std::string& word : words) add(records::find_run(word));
    if (all_) records::newest_run_folder();  // throws where there is none
    find();
  }

  void read() {
    if (all_ && base::steady_s() - found_s_ > kFolder_s) find();
    for (auto& run : runs_) {
      try {
        run.second.read();
        problems_.erase(run.first);
      } catch (const Error& error) {
        problems_[run.first] = error.faults()[0].what;
      }
    }
  }

  /// Those that go on first, then the newest by name.
  std::vector<const FollowedRun*> list() const {
    std::vector<const FollowedRun*> list;
    for (auto run = runs_.rbegin(); run != runs_.rend(); ++run) list.push_back(&run->second);
    std::stable_partition(list.begin(), list.end(), [](const FollowedRun* run) { return !run->verdict; });
    return list;
  }

  std::vector<Line> problem_lines(const Style& style) const {
    std::vector<Line> lines;
    for (const auto& [folder, what] : problems_)
      lines.emplace_back(page::harmless(folder.filename().string() + ": " + what, style), Ink::yellow);
    return lines;
  }

 private:
  void add(const fs::path& folder) { runs_.try_emplace(folder, folder); }

  void find() {
    if (!all_) return;
    found_s_ = base::steady_s();
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator("runs", ignored)) {
      const fs::path folder = fs::absolute(entry.path()).lexically_normal();
      if (runs_.count(folder) > 0 || !fs::exists(spec::RunPaths{folder}.plan(), ignored)) continue;
      try {
        add(folder);
      } catch (const Error& error) {
        problems_[folder] = error.faults()[0].what;
      }
    }
  }

  bool all_;
  double found_s_ = 0;
  std::map<fs::path, FollowedRun> runs_;
  std::map<fs::path, std::string> problems_;
};

/// What the person is looking at.
class Look {
 public:
  explicit Look(const std::vector<const FollowedRun*>& list) : in_detail_(list.size() == 1) {}

  std::vector<Line> page(const std::vector<const FollowedRun*>& list, const Runs& runs, const Style& style) {
    if (list.empty()) return runs.problem_lines(style);
    std::size_t chosen = place_in(list);
    chosen_ = list[chosen]->paths.folder;
    std::vector<Line> lines;
    if (in_detail_) {
      lines = run_page(*list[chosen], samples_of(*list[chosen]), first_plot_, style);
    } else {
      lines = list_page(list, chosen, style);
      for (Line& line : runs.problem_lines(style)) lines.push_back(std::move(line));
    }
    return lines;
  }

  std::string hint(const Style& style) const {
    const std::string arrows = style.sign("↑↓", "up/down"), sides = style.sign("←→", "left/right");
    return in_detail_ ? text_of({arrows + " other run", sides + " other plots", "enter list", "q leave"})
                      : text_of({arrows + " choose", "enter look closer", "q leave"});
  }

  void press(Key key, const std::vector<const FollowedRun*>& list) {
    if (list.empty()) return;
    const std::size_t chosen = place_in(list);
    if (key == Key::down) chosen_ = list[std::min(chosen + 1, list.size() - 1)]->paths.folder;
    if (key == Key::up) chosen_ = list[chosen == 0 ? 0 : chosen - 1]->paths.folder;
    if (key == Key::enter || (key == Key::back && in_detail_)) in_detail_ = !in_detail_;
    if (in_detail_ && key == Key::right) ++first_plot_;
    if (in_detail_ && key == Key::left && first_plot_ > 0) --first_plot_;
  }

 private:
  static std::string text_of(const std::vector<std::string>& parts) { return base::join(parts, "   "); }

  std::size_t place_in(const std::vector<const FollowedRun*>& list) const {
    const auto found =
        std::find_if(list.begin(), list.end(), [&](const FollowedRun* run) { return run->paths.folder == chosen_; });
    return found == list.end() ? 0 : static_cast<std::size_t>(found - list.begin());
  }

  /// Read again only when there is a new step.
  const std::vector<records::SampleLine>& samples_of(const FollowedRun& run) {
    const auto key = std::pair(run.paths.folder, run.steps_done());
    if (key != samples_key_) samples_ = records::newest_samples(run.paths);
    samples_key_ = key;
    return samples_;
  }

  bool in_detail_;
  fs::path chosen_;
  std::size_t first_plot_ = 0;
  std::pair<fs::path, std::int64_t> samples_key_{"", -1};
  std::vector<records::SampleLine> samples_;
};

void print_once(const Runs& runs) {
  Style style = page::style_of(stdout, ::isatty(STDOUT_FILENO) == 1);
  style.rows = 1'000;
  if (const char* columns = std::getenv("COLUMNS"); columns != nullptr && std::atoi(columns) > 0)
    style.columns = std::atoi(columns);
  const std::vector<const FollowedRun*> list = runs.list();
  std::vector<Line> lines;
  if (list.size() == 1) {
    style.rows = 40;
    lines = run_page(*list[0], records::newest_samples(list[0]->paths), 0, style);
  } else {
    lines = list_page(list, list.size(), style);
  }
  for (const Line& line : runs.problem_lines(style)) lines.push_back(line);
  for (const Line& line : lines) base::print(stdout, line.rendered(style) + "\n");
}

bool is_live() {
  const char* terminal = std::getenv("TERM");
  return ::isatty(STDOUT_FILENO) == 1 && terminal != nullptr && std::string(terminal) != "dumb";
}

/// The page with the hint on the last row.
std::vector<Line> with_hint(std::vector<Line> lines, const std::string& hint, const Style& style) {
  lines.resize(static_cast<std::size_t>(std::max<std::int64_t>(1, style.rows - 1)));
  lines.emplace_back(hint, Ink::dim);
  return lines;
}

struct WatchOptions {
  std::vector<std::string> words;  // RUNs
};

int watch_runs(const WatchOptions& options) {
  Runs runs(options.words);
  runs.read();
  if (!is_live()) {
    print_once(runs);
    return 0;
  }
  Look look(runs.list());
  Screen screen;
  for (double read_s = base::steady_s();;) {
    const Style style = screen.style();
    screen.show(with_hint(look.page(runs.list(), runs, style), look.hint(style), style));
    for (const Key key : screen.wait(std::max(0.0, read_s + kRead_s - base::steady_s()))) {
      if (key == Key::leave) return 0;
      look.press(key, runs.list());
    }
    if (base::steady_s() - read_s < kRead_s) continue;
    runs.read();
    read_s = base::steady_s();
  }
}

}  // namespace

cli::Verb watch_verb() {
  return cli::make_verb<WatchOptions>(
      {.name = "watch",
       .usage = "[RUN]...",
       .summary = "runs live in a terminal, from their files alone: a list, and one in detail with plots",
       .example = "muster watch runs/my-job-20261125-184206 4711",
       .max_words = 64},
      [](cli::Flags&, WatchOptions&) {}, watch_runs);
}

}  // namespace muster::watch
