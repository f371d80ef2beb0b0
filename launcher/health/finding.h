// What was found on machines, against what is wanted: one line a finding, one report a host, one page for a person.
#pragma once

#include <string>
#include <vector>

namespace muster::health {

enum class Grade { ok, warning, error };

struct Finding {
  Grade grade = Grade::ok;
  std::string what;           // "driver"
  std::string found, wanted;  // "570.86.15", "580 or newer"
  std::string fix;            // what to do; empty where all is well
  bool operator==(const Finding&) const = default;
};

using Findings = std::vector<Finding>;
inline void append(Findings& findings, const Findings& more) {
  findings.insert(findings.end(), more.begin(), more.end());
}

struct Report {
  std::string host;
  double clock_s = 0;  // of the host when it looked: seconds since 1970
  std::string fabric;  // "cluster UUID/clique" of its GPUs, "" where there is none
  Findings findings;
  bool operator==(const Report&) const = default;
};

Grade worst_of(const Report& report);
/// 0: all is well, 1: something to look at, 3: something to fix (the cluster's code).
int exit_code(const std::vector<Report>& reports);

/// One JSON object on one line, and back. throws: Error::cluster naming `where`.
std::string report_line(const Report& report);
Report parse_report(const std::string& line, const std::string& where);

/// A table of at most 100 columns, what is to fix first: equal findings of several hosts are one line with the hosts
/// as Slurm writes them. Its last line: "12 fine, 1 to look at, 2 to fix".
std::string reports_page(const std::vector<Report>& reports);

}  // namespace muster::health
