#include "launcher/health/finding.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "launcher/page/wrapped.h"
#include "launcher/slurm/host_list.h"
#include "runtime/base/columns.h"
#include "runtime/base/error.h"
#include "runtime/base/json_text.h"
#include "runtime/base/text.h"

namespace muster::health {
namespace {

using base::text;
using nlohmann::ordered_json;

constexpr const char* kGradeNames[] = {"ok", "warning", "error"};
constexpr std::size_t kWidth = 100;

struct Line {
  Finding finding;
  std::vector<std::string> hosts;
};

// Equal findings together, the worst first, otherwise as they come.
std::vector<Line> folded(const std::vector<Report>& reports) {
  std::vector<Line> lines;
  for (const Report& report : reports)
    for (const Finding& finding : report.findings) {
      const auto same =
          std::find_if(lines.begin(), lines.end(), [&](const Line& line) { return line.finding == finding; });
      if (same == lines.end())
        lines.push_back({finding, {report.host}});
      else
        same->hosts.push_back(report.host);
    }
  std::stable_sort(lines.begin(), lines.end(),
                   [](const Line& a, const Line& b) { return a.finding.grade > b.finding.grade; });
  return lines;
}

std::string line_text(const Line& line, std::size_t hosts, std::size_t what_width) {
  constexpr const char* kMarks[] = {"  ok   ", "  look ", "  MEND "};
  const Finding& finding = line.finding;
  const std::string where = hosts < 2                    ? ""
                            : line.hosts.size() == hosts ? text("all ", hosts, ": ")
                                                         : slurm::compress_hosts(line.hosts) + ": ";
  const std::size_t indent = 7 + what_width + 2;
  std::string found = text(where, finding.found);
  if (finding.grade != Grade::ok && !finding.wanted.empty()) found += text(" (wanted: ", finding.wanted, ")");
  std::string page = kMarks[static_cast<int>(finding.grade)] + base::left(finding.what, what_width) + "  " +
                     page::wrapped(found, indent, kWidth).substr(indent);
  if (!finding.fix.empty())
    page += std::string(indent, ' ') + "-> " + page::wrapped(finding.fix, indent + 3, kWidth).substr(indent + 3);
  return page;
}

}  // namespace

Grade worst_of(const Report& report) {
  Grade worst = Grade::ok;
  for (const Finding& finding : report.findings) worst = std::max(worst, finding.grade);
  return worst;
}

int exit_code(const std::vector<Report>& reports) {
  Grade worst = Grade::ok;
  for (const Report& report : reports) worst = std::max(worst, worst_of(report));
  return worst == Grade::error ? 3 : worst == Grade::warning ? 1 : 0;
}

std::string report_line(const Report& report) {
  ordered_json findings = ordered_json::array();
  for (const Finding& finding : report.findings)
    findings.push_back({{"grade", kGradeNames[static_cast<int>(finding.grade)]},
                        {"what", finding.what},
                        {"found", finding.found},
                        {"wanted", finding.wanted},
                        {"mend", finding.fix}});
  const ordered_json object{
      {"host", report.host}, {"clock_s", report.clock_s}, {"fabric", report.fabric}, {"findings", findings}};
  return base::json_text(object);
}

Report parse_report(const std::string& line, const std::string& where) {
  try {
    const auto object = nlohmann::json::parse(line);
    Report report{
        .host = object.at("host"), .clock_s = object.at("clock_s"), .fabric = object.at("fabric"), .findings = {}};
    for (const auto& entry : object.at("findings")) {
      const auto grade =
          std::find(std::begin(kGradeNames), std::end(kGradeNames), entry.at("grade").get<std::string>());
      if (grade == std::end(kGradeNames)) throw Error::cluster({.what = "a finding has no grade", .where = where});
      report.findings.push_back({.grade = static_cast<Grade>(grade - std::begin(kGradeNames)),
                                 .what = entry.at("what"),
                                 .found = entry.at("found"),
                                 .wanted = entry.at("wanted"),
                                 .fix = entry.at("mend")});
    }
    return report;
  } catch (const nlohmann::json::exception& error) {
    throw Error::cluster({.what = text("this is no report of a node: ", error.what()), .where = where});
  }
}

std::string reports_page(const std::vector<Report>& reports) {
  const std::vector<Line> lines = folded(reports);
  std::size_t what_width = 0, counts[3] = {};
  for (const Line& line : lines) {
    what_width = std::max(what_width, line.finding.what.size());
    ++counts[static_cast<int>(line.finding.grade)];
  }
  std::string page;
  for (const Line& line : lines) page += line_text(line, reports.size(), what_width);
  return page + text(counts[0], " fine, ", counts[1], " to look at, ", counts[2], " to fix\n");
}

}  // namespace muster::health
