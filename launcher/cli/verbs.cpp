#include "launcher/cli/verbs.h"

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>

#include "launcher/estimate/page.h"
#include "launcher/plan/plan.h"
#include "launcher/plan/show.h"
#include "launcher/render/batch_script.h"
#include "launcher/rows/page.h"
#include "runtime/base/error.h"
#include "runtime/base/files.h"
#include "runtime/base/json_text.h"
#include "runtime/base/text.h"
#include "runtime/spec/supported.h"
#include "runtime/spec/toml_reader.h"
#include "runtime/spec/validation_record.h"

namespace muster::cli {

namespace {

void print(const std::string& page) { std::fwrite(page.data(), 1, page.size(), stdout); }

/// The batch script that `submit` would write; none for a cluster whose file says nothing of Slurm.
std::string batch_script(const plan::Planned& planned) {
  if (!planned.cluster.has_slurm) return "";
  const std::string shape = base::read_file(cluster::shipped_folder("templates") / "batch.sh.in");
  return render::batch_script(shape, planned.plan, planned.cluster, planned.plan.binaries / "muster");
}

/// Where a published job was measured, if that is not where it is planned; else empty.
std::string measured_elsewhere(const plan::Planned& planned, const std::string& word) {
  if (cluster::is_path(word)) return "";
  const std::string job = planned.job_file.stem().string();
  for (const rows::PublishedRow& row : rows::shipped_rows()) {
    if (row.job == job && row.cluster != planned.plan.cluster)
      return base::text("\nThis job was measured on cluster ", row.cluster, ": muster plan ", word, " --cluster ",
                        row.cluster, "\n");
  }
  return "";
}

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

spec::Job job_of(const rows::PublishedRow& row) {
  const std::filesystem::path templates = cluster::shipped_folder("templates");
  const std::filesystem::path file = templates / "jobs" / (row.job + ".toml");
  base::Faults faults;
  const spec::Job job = spec::read_job({.text = base::read_file(file), .where = file.string(), .overrides = {}},
                                       templates / "bases", faults);
  faults.throw_if_any();
  return job;
}

}  // namespace

int run_plan(const Options& options) {
  if (options.words.empty()) {
    throw Error::user(
        {.what = "muster plan needs a job",
         .where = "",
         .fix = "muster plan JOB, where JOB is the path of a job file or the name of a shipped template"});
  }
  if (options.json + options.resolved + options.schedule > 1)
    throw Error::user({.what = "--json, --resolved and --schedule do not go together",
                       .where = "",
                       .fix = "each prints something else: choose one"});
  plan::Request request{.job = options.words[0], .overrides = options.overrides, .wishes = options.wishes};
  if (!options.cluster.empty()) request.cluster = options.cluster;
  const plan::Planned planned = plan::make_plan(request);
  if (options.json) {
    print(spec::plan_json(planned.plan));
  } else if (options.resolved) {
    print(plan::resolved_page(planned.plan, planned.places));
  } else if (options.schedule) {
    print(plan::schedule_page(planned.plan));
  } else {
    print(plan::plan_page(planned.plan, planned.cluster, batch_script(planned)));
    print(estimate::seconds_page(planned));
    print(measured_elsewhere(planned, options.words[0]));
  }
  return 0;
}

int run_rows(const Options& options) {
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
    print(rows::row_page(found[0], job_of(found[0])));
  } else {
    print(rows::rows_page(found));
  }
  return 0;
}

namespace {

/// Whether a word of the user's occurs in the name or meaning of a key, whatever the case.
bool is_about(const spec::KeyInfo& key, const std::string& word) {
  const auto same = [](unsigned char a, unsigned char b) { return std::tolower(a) == std::tolower(b); };
  const auto has = [&](const std::string& text) {
    return std::search(text.begin(), text.end(), word.begin(), word.end(), same) != text.end();
  };
  return has(key.key) || has(key.meaning);
}

/// Those of `keys` that every word is about. throws: Error::user when there is none.
std::vector<spec::KeyInfo> selected(std::vector<spec::KeyInfo> keys, const std::vector<std::string>& words) {
  std::vector<std::string> names;
  for (const spec::KeyInfo& key : keys)
    for (const std::string& part : base::split(key.key, '.')) names.push_back(part);
  for (const std::string& word : words)
    std::erase_if(keys, [&](const spec::KeyInfo& key) { return !is_about(key, word); });
  if (!keys.empty()) return keys;
  const std::string near = base::nearest(words.front(), names);
  throw Error::user({.what = "no key is about \"" + base::join(words, " ") + "\"",
                     .where = "",
                     .fix = near.empty() ? "muster keys shows all" : "did you mean \"" + near + "\"?"});
}

std::string keys_json(const std::vector<spec::KeyInfo>& keys) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const spec::KeyInfo& key : keys)
    list.push_back({{"key", key.key},
                    {"type", key.type},
                    {"range", key.range},
                    {"unit", key.unit},
                    {"default", key.fallback},
                    {"meaning", key.meaning}});
  return list.dump(2) + "\n";
}

std::string fields_json(const std::vector<spec::FieldInfo>& fields, const std::string& file) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const spec::FieldInfo& field : fields)
    list.push_back({{"file", file}, {"field", field.name}, {"unit", field.unit}, {"meaning", field.meaning}});
  return list.dump(2) + "\n";
}

}  // namespace

int run_keys(const Options& options) {
  if (options.steps + options.cluster_keys + options.personal_keys > 1)
    throw Error::user(
        {.what = "--steps, --cluster and --personal do not go together", .where = "", .fix = "choose one"});
  if (options.steps) {
    if (options.json)
      print(fields_json(spec::step_fields(), "steps.jsonl"));
    else
      print(plan::step_fields_page(spec::step_fields()) + "\n" +
            plan::step_fields_page(spec::validation_fields(), "validation.jsonl"));
    return 0;
  }
  const std::vector<spec::KeyInfo> keys = selected(options.personal_keys  ? cluster::personal_keys()
                                                   : options.cluster_keys ? cluster::cluster_keys()
                                                                          : spec::job_keys(),
                                                   options.words);
  print(options.json ? keys_json(keys) : plan::keys_page(keys));
  return 0;
}

}  // namespace muster::cli
