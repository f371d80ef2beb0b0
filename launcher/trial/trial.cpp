// The process that tries, and what it found.
#include "launcher/trial/trial.h"

#include <stdlib.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "runtime/base/error.h"
#include "runtime/base/files.h"
#include "runtime/base/process.h"
#include "runtime/base/text.h"

namespace muster::trial {
namespace {

namespace fs = std::filesystem;
using base::text;

class Folder {
 public:
  Folder() {
    std::string name = (fs::temp_directory_path() / "muster_try_XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr)
      throw Error::user({.what = "cannot make a folder", .where = name, .fix = "set TMPDIR to a folder that is yours"});
    path_ = name;
  }
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  fs::path operator/(const std::string& name) const { return path_ / name; }

 private:
  fs::path path_;
};

[[noreturn]] void fail(const base::ChildEnd& end, const std::string& said) {
  constexpr std::string_view kSpeaker = "muster-runtime: ";
  const std::size_t at = said.rfind(kSpeaker);
  const std::string sentence = base::trim(at == std::string::npos ? said : said.substr(at + kSpeaker.size()));
  if (end.signal == 0 && end.code == 2) throw Error::user({.what = sentence});
  throw Error::cluster({.what = text("the job could not be tried: ",
                                     end.signal != 0 ? text("signal ", end.signal) : text("code ", end.code),
                                     sentence.empty() ? "" : ": " + sentence)});
}

/// Lines of at most `most` bytes of a text, each behind `margin`.
std::string block(const std::string& words, const std::string& margin, std::size_t most) {
  std::string shown = words.substr(0, most), out;
  if (words.size() > most) shown += text(" ... (", words.size(), " bytes)");
  for (const std::string& line : base::split(shown, '\n')) out += margin + line + "\n";
  return out;
}

std::string source_text(const TriedSource& source) {
  std::string line = source.path + ": ";
  if (!source.not_tried.empty()) return line + source.not_tried + "\n";
  line += text(source.is_all ? "" : "first ", source.rows, " rows; prompts of ", source.median, " tokens (median), ",
               source.p95, " (p95), ", source.longest, " (longest) of ", source.limit);
  const std::int64_t bad = source.refused + source.too_long;
  if (bad > 0)
    line += text("; refused: ", source.refused, " not rendered, ", source.too_long, " too long (",
                 base::number_text(100.0 * static_cast<double>(bad) / static_cast<double>(source.rows), 1), " %)");
  return line + "\n" + (source.example.empty() ? "" : "  " + source.example + "\n");
}

}  // namespace

Trial parse_trial(const std::string& json) {
  const auto object = nlohmann::json::parse(json);
  Trial trial;
  for (const auto& one : object.at("sources"))
    trial.sources.push_back({.path = one.at("path"),
                             .rows = one.at("rows"),
                             .refused = one.at("refused"),
                             .too_long = one.at("too_long"),
                             .median = one.at("median"),
                             .p95 = one.at("p95"),
                             .longest = one.at("longest"),
                             .limit = one.at("limit"),
                             .is_all = one.at("is_all"),
                             .example = one.at("example"),
                             .not_tried = one.at("not_tried")});
  if (const auto& first = object.at("first"); !first.is_null()) {
    trial.place = first.at("place"), trial.prompt = first.at("prompt"), trial.gold = first.at("gold");
    trial.tokens = first.at("tokens");
  }
  for (const auto& one : object.at("grades"))
    trial.grades.push_back({.part = one.at("part"), .answer = one.at("answer"), .reward = one.at("reward")});
  return trial;
}

std::optional<Trial> try_plan(const spec::Plan& plan, bool with_rewards) {
  const fs::path runtime = base::executable_folder() / "muster-runtime";
  if (!base::is_there(runtime)) return std::nullopt;
  const Folder folder;
  const fs::path plan_file = folder / "plan.toml", output = folder / "trial.json", log = folder / "log";
  base::write_file(plan_file, spec::plan_text(plan));
  const pid_t child = base::start_child({.command = {runtime.string(), "try", "--plan", plan_file.string(), "--output",
                                                     output.string(), "--rewards", with_rewards ? "yes" : "no"},
                                         .output = log});
  const base::ChildEnd end = base::wait_child(child, true).value_or(base::ChildEnd{.code = 70});
  if (end.code != 0 || end.signal != 0) fail(end, base::is_there(log) ? base::read_file(log) : "");
  return parse_trial(base::read_file(output));
}

std::string first_prompt_text(const Trial& trial) {
  if (trial.place.empty()) return "";
  return text("first prompt  ", trial.place, ", ", trial.tokens, trial.tokens == 1 ? " token" : " tokens", "\n",
              block(trial.prompt, "  | ", 1200), "gold answer   ", trial.gold.empty() ? "(empty)" : trial.gold, "\n");
}

std::string trial_page(const Trial& trial) {
  std::string page;
  for (const TriedSource& source : trial.sources) page += source_text(source);
  page += (page.empty() ? "" : "\n") + first_prompt_text(trial);
  for (const TriedGrade& grade : trial.grades) {
    std::string answer = grade.answer;
    for (char& c : answer)
      if (c == '\n') c = ' ';
    if (answer.size() > 60) answer = answer.substr(0, 57) + "...";
    page += text("reward        ", base::number_text(grade.reward, 3), "  of \"", answer, "\" by ", grade.part, "\n");
  }
  return page;
}

std::vector<std::string> warnings_of(const Trial& trial) {
  std::vector<std::string> warnings;
  for (const TriedSource& source : trial.sources) {
    const std::int64_t bad = source.refused + source.too_long;
    if (bad > 0)
      warnings.push_back(text(source.path, ": ", bad, " of ", source.is_all ? "its " : "the first ", source.rows,
                              " rows are refused", source.example.empty() ? "" : ": " + source.example));
  }
  // Two answers of each part: the gold one, then one that says nothing.
  for (std::size_t i = 0; i + 1 < trial.grades.size(); i += 2)
    if (trial.grades[i].reward == trial.grades[i + 1].reward)
      warnings.push_back(text("the reward ", trial.grades[i].part, " gives the gold answer and \"",
                              trial.grades[i + 1].answer,
                              "\" the same: ", base::number_text(trial.grades[i].reward, 3)));
  return warnings;
}

}  // namespace muster::trial
