// The summary of a run as a pure function of what its files said.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "launcher/page/terminal.h"
#include "launcher/records/run_records.h"
#include "runtime/spec/plan.h"

namespace muster::progress {

/// What the files of a run said when it was over.
struct RunFacts {
  records::RunRecords records;
  std::vector<spec::ExitRecord> exits;  // those that could be read
  double wall_s = 0;                    // from the attempt's placement to its last record; 0: not known
  bool model_written = false;
  std::int64_t attempt = 0;
};

/// Never throws; what is missing is said.
RunFacts read_facts(const spec::Plan& plan, const spec::RunPaths& paths, std::int64_t attempt);
/// Lines within style.columns, but for paths that are longer.
std::string summary_page(const spec::Plan& plan, const spec::RunPaths& paths, const RunFacts& facts,
                         const page::Style& style);

}  // namespace muster::progress
