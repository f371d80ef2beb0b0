// Two runs, or a run and a published row, side by side: settings that differ and figures with their ratio. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "launcher/records/run_records.h"
#include "launcher/rows/rows.h"
#include "runtime/spec/job.h"

namespace muster::compare {

/// One column.
struct Side {
  std::string name;                             // as it was typed: a run's folder, a row's id
  std::map<std::string, std::string> settings;  // keys other than the defaults, as TOML values
  std::map<std::string, double> figures;        // by the names of figure_fields(); what is not known is left out
  std::string note;                             // whose figures these are, where they are no run's
};

struct FigureField {
  std::string name, unit;
  std::string (*shown)(double);
};
/// Every figure in the order of the page.
const std::vector<FigureField>& figure_fields();

/// The last step that both have; 0 where one has none.
std::int64_t common_step(const records::RunRecords& first, const records::RunRecords& second);

/// `last_step`: rewards and gen-train differences are those until this step, so that a run that went further is
/// compared at the same place. Rates and seconds are means over its last records::kRecentSteps steps, without step 1
/// where there are others.
Side side_of_run(const std::string& name, const spec::Job& job, const records::RunRecords& records,
                 std::int64_t last_step);
/// Figures as NVIDIA published them; 0 in a row is not known.
Side side_of_row(const rows::PublishedRow& row, const spec::Job& job);

/// At most 100 columns wide: figures of both with second / first, then the settings that differ. Long values are cut
/// off.
std::string comparison_page(const Side& first, const Side& second);
/// {"sides": [...], "figures": {name: {"first", "second", "ratio"}}, "settings": {key: {"first", "second"}}}: null
/// where a figure is not known, where a ratio has no sense, and where a setting has its default.
nlohmann::ordered_json comparison_value(const Side& first, const Side& second);

}  // namespace muster::compare
