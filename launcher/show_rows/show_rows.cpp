#include "launcher/show_rows/show_rows.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "launcher/cli/shared_flags.h"
#include "launcher/plan/plan.h"
#include "launcher/rows/page.h"
#include "launcher/rows/row_job.h"
#include "launcher/rows/rows.h"
#include "runtime/base/json_text.h"
#include "runtime/base/text.h"
#include "runtime/spec/supported.h"

namespace muster::show_rows {
namespace {

struct RowsOptions {
  std::vector<std::string> words;  // of the rows wanted, or the id of one
  bool runs = false, json = false;
  std::string sort;
};

void print(const std::string& page) { base::print(stdout, page); }

/// What the runtime lacks for the job of each row.
void find_unsupported(std::vector<rows::PublishedRow>& found) {
  std::map<std::string, std::vector<std::string>> known;  // by job and cluster
  for (rows::PublishedRow& row : found) {
    const auto [entry, is_new] = known.try_emplace(row.job + " " + row.cluster);
    if (is_new) {
      const plan::Planned planned = plan::make_plan({.job = row.job, .cluster = row.cluster});
      for (const base::Fault& fault : spec::unsupported(planned.plan)) entry->second.push_back(fault.what);
    }
    row.unsupported = entry->second;
  }
}

int show_rows(const RowsOptions& options) {
  std::vector<rows::PublishedRow> found = rows::shipped_rows();
  const auto named = std::find_if(found.begin(), found.end(), [&](const rows::PublishedRow& row) {
    return options.words.size() == 1 && row.id == options.words[0];
  });
  const bool is_one = named != found.end();
  if (is_one) {
    found = {*named};
  } else {
    found = rows::select_rows(std::move(found), options.words);
  }
  find_unsupported(found);
  if (options.runs) std::erase_if(found, [](const rows::PublishedRow& row) { return !row.unsupported.empty(); });
  if (!options.sort.empty()) rows::sort_rows(found, options.sort);
  if (options.json) {
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
    for (const rows::PublishedRow& row : found) list.push_back(rows::row_value(row));
    print(base::json_text(list, 2) + "\n");
  } else if (is_one) {
    print(rows::row_page(found[0], rows::job_of(found[0])));
  } else {
    print(rows::rows_page(found));
  }
  return 0;
}

}  // namespace

cli::Verb rows_verb() {
  return cli::make_verb<RowsOptions>(
      {.name = "rows",
       .usage = "[WORD]... [--runs] [--sort FIELD] [--json]",
       .summary = "the rows that NVIDIA published for NeMo RL and the job of each; ROW alone shows one in full",
       .example = "muster rows v0.5 llama 16 --sort tokens_per_s_per_gpu",
       .max_words = 16},
      [](cli::Flags& flags, RowsOptions& options) {
        flags.add("runs", "only rows that Muster runs", options.runs);
        flags.add("sort", "FIELD", "rates from the highest, everything else upwards; the fields are those of --json",
                  options.sort);
        cli::add_json_flag(flags, options.json);
      },
      show_rows);
}

}  // namespace muster::show_rows
