#include "launcher/health/node_step.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>

#include "launcher/slurm/command.h"
#include "launcher/slurm/environment.h"
#include "launcher/slurm/host_list.h"
#include "runtime/base/clock.h"
#include "runtime/base/error.h"
#include "runtime/base/text.h"

namespace muster::health {
namespace {

using base::text;

constexpr double kSkewWarning_s = 1, kSkewError_s = 10;
constexpr const char* kMark = "muster-node-report ";  // before the line: prologs and banners also write

std::string last_words(const std::string& errors) {
  const std::vector<std::string> lines = base::split(base::trim(errors), '\n');
  return lines.empty() ? "" : lines.back();
}

}  // namespace

std::vector<std::string> node_step_command(const NodeStep& step) {
  const std::string num_nodes = std::to_string(std::max<std::size_t>(1, step.hosts.size()));
  std::vector<std::string> command{"srun",
                                   "--nodes=" + num_nodes,
                                   "--ntasks=" + num_nodes,
                                   "--ntasks-per-node=1",
                                   "--overlap",
                                   "--cpu-bind=none",
                                   "--mpi=none",
                                   "--kill-on-bad-exit=0",  // one sick node does not silence the others
                                   "--wait=0",
                                   "--export=ALL",
                                   "--input=none"};
  if (!step.hosts.empty()) command.push_back("--nodelist=" + slurm::compress_hosts(step.hosts));
  command.insert(command.end(), step.flags.begin(), step.flags.end());
  command.insert(command.end(), {step.program.string(), "check-node", wanted_text(step.wanted)});
  return command;
}

std::vector<Report> reports_in(const std::string& output) {
  std::vector<Report> answers;
  for (const std::string& line : base::split(output, '\n'))
    if (const std::size_t mark = line.find(kMark); mark != std::string::npos)
      answers.push_back(parse_report(line.substr(mark + std::string_view(kMark).size()), "check-node"));
  return answers;
}

std::vector<Report> collect_reports(const std::vector<std::string>& hosts, const std::string& output,
                                    const std::string& errors) {
  const std::vector<Report> answers = reports_in(output);
  std::vector<Report> reports;
  for (const std::string& host : hosts) {
    const auto answer =
        std::find_if(answers.begin(), answers.end(), [&](const Report& report) { return report.host == host; });
    if (answer != answers.end()) {
      reports.push_back(*answer);
      continue;
    }
    const std::string said = last_words(errors);
    reports.push_back(
        {.host = host,
         .findings = {{Grade::error, "answer", said.empty() ? "none" : text("none; srun said: ", said), "a report",
                       "leave the node out (--exclude); scontrol show node tells its state"}}});
  }
  return reports;
}

std::vector<Report> run_node_step(const NodeStep& step) {
  const slurm::CommandResult result =
      slurm::run_command(node_step_command(step), step.deadline_s, slurm::step_environment(slurm::own_environment()));
  return collect_reports(step.hosts, result.output, result.errors);
}

void compare_nodes(std::vector<Report>& reports, double here_s, double took_s, bool shares_fabric) {
  std::string fabric;
  for (Report& report : reports) {
    if (report.clock_s == 0) continue;  // it did not answer
    // It looked some time within the last took_s.
    const double ahead_s = report.clock_s - here_s, behind_s = here_s - took_s - report.clock_s;
    const double skew_s = std::max({ahead_s, behind_s, 0.0});
    const Grade grade = skew_s > kSkewError_s ? Grade::error : skew_s > kSkewWarning_s ? Grade::warning : Grade::ok;
    report.findings.push_back(
        {grade, "clock",
         grade == Grade::ok ? "as here" : text(std::round(skew_s * 10) / 10, " s ", ahead_s > 0 ? "ahead" : "behind"),
         text("within ", kSkewWarning_s, " s"),
         grade == Grade::ok ? "" : "have chrony or ntpd fixed: times of logs and deadlines would be wrong"});
    if (!shares_fabric || report.fabric.empty()) continue;
    if (fabric.empty()) fabric = report.fabric;
    if (report.fabric != fabric)
      report.findings.push_back(
          {Grade::warning, "NVLink domain", text("another than ", reports[0].host, "'s"), "one",
           "groups over both will use the network: segments (placement.segment_nodes) keep them in one"});
  }
}

cli::Verb check_node_verb() {
  struct Options {
    std::vector<std::string> words;  // WANTED
  };
  return cli::make_verb<Options>(
      {.name = "check-node",
       .usage = "WANTED",
       .summary = "the doctor's look at the node that it runs on",
       .max_words = 1,
       .is_for_people = false},
      [](cli::Flags&, Options&) {},
      [](const Options& options) {
        if (options.words.size() != 1)
          throw Error::user({.what = "muster check-node WANTED: it is called by muster doctor, not by people"});
        base::print(stdout, text(kMark, report_line(check_node(parse_wanted(options.words[0]))), "\n"));
        return 0;
      });
}

}  // namespace muster::health
