#include "launcher/plan/plan.h"

#include <optional>

#include "launcher/plan/allocation.h"
#include "launcher/rows/rows.h"
#include "runtime/base/files.h"
#include "runtime/base/process.h"
#include "runtime/base/text.h"
#include "runtime/spec/answer_lengths.h"
#include "runtime/spec/data_files.h"
#include "runtime/spec/memory.h"
#include "runtime/spec/model_path.h"
#include "runtime/spec/toml_reader.h"

namespace muster::plan {
namespace fs = std::filesystem;
using base::text;

const char* version() { return MUSTER_VERSION; }

fs::path find_job(const std::string& word) {
  std::error_code not_there;
  const bool is_file = fs::is_regular_file(word, not_there);
  if (cluster::is_path(word) || is_file) {
    if (is_file) return word;
    throw Error::user({.what = "there is no such job file",
                       .where = word,
                       .fix = "check the path; a name without '/' and .toml means a shipped template"});
  }
  const fs::path folder = cluster::shipped_folder("templates") / "jobs";
  const fs::path path = folder / (word + ".toml");
  if (base::is_there(path)) return path;
  std::vector<std::string> known = cluster::names_in(folder);
  for (const rows::PublishedRow& row : rows::shipped_rows()) {
    if (row.id == word) return folder / (row.job + ".toml");
    known.push_back(row.id);
  }
  const std::string near = base::nearest(word, known);
  throw Error::user({.what = text("there is no job \"", word, "\""),
                     .where = folder.string(),
                     .fix = (near.empty() ? "" : "did you mean \"" + near + "\"? ") +
                            "muster rows shows the published ones; or give the path of a file"});
}

namespace {

/// One planning: what is gathered on the way.
class Planner {
 public:
  explicit Planner(const Request& request) : request_(request) {}

  Planned make() {
    Planned planned;
    planned.cluster = cluster::read_cluster(request_.cluster, cluster::shipped_folder("clusters"));
    cluster::apply_user_settings(request_.user_settings, planned.cluster);
    const spec::Plan* const of_run = request_.of_run;
    planned.job_file = of_run ? spec::RunPaths{of_run->run_folder}.plan() : find_job(request_.job);
    spec::Plan& plan = planned.plan;
    const fs::path templates = cluster::shipped_folder("templates");
    plan.job = spec::read_job({.text = of_run ? spec::job_text(of_run->job) : base::read_file(planned.job_file),
                               .where = planned.job_file.string(),
                               .overrides = request_.overrides},
                              templates / "bases", faults_, &places_);
    faults_.throw_if_any();
    if (plan.job.name.empty()) plan.job.name = planned.job_file.stem().string();
    resolve_paths(plan.job, planned.job_file);
    const std::optional<spec::ModelFacts> facts = read_facts(plan.job, templates);
    check_job(plan.job, facts ? &*facts : nullptr, places_, faults_, plan.warnings);
    if (facts) plan.model = *facts;
    plan.muster_version = version();
    plan.run_folder = request_.run_folder;
    plan.binaries = base::executable_folder();
    warn_of_device(plan.job, planned.cluster);
    allocate(planned.cluster, places_, plan, faults_, warnings_);
    faults_.throw_if_any();
    plan.environment = environment_of(plan.job, planned.cluster);
    plan.warnings.insert(plan.warnings.end(), warnings_.begin(), warnings_.end());
    if (facts) spec::check_plan(plan, planned.job_file.string());
    planned.places = places_;
    return planned;
  }

 private:
  /// A path counts from the folder of the file that gave it; one typed after --set from where it was typed.
  fs::path folder_of(const std::string& key, const fs::path& job_file) const {
    const std::string& place = places_.of(key);
    if (place.starts_with("--set ")) return fs::current_path();
    const std::size_t end = place.find(".toml:");
    return end == std::string::npos ? job_file.parent_path() : fs::path(place.substr(0, end + 5)).parent_path();
  }

  void missing(const std::string& key, const fs::path& path, const std::string& what, const std::string& fix) {
    if (request_.paths_must_exist) {
      faults_.add({.what = text(key, ": ", what), .where = places_.of(key), .fix = text(path.string(), ": ", fix)});
    } else {
      warnings_.push_back(text(key, ": ", what, " (", path.string(), ")"));
    }
  }

  /// The path that `key` gives, absolute. A variable that is not set is a fault.
  std::string path_of(const std::string& path, const std::string& key, const fs::path& job_file) {
    try {
      return base::resolved_path(path, folder_of(key, job_file)).string();
    } catch (const Error& error) {
      for (base::Fault fault : error.faults()) {
        fault.where = places_.of(key);
        faults_.add(std::move(fault));
      }
      return path;
    }
  }

  // Words of a program that are paths: they begin with ./, ../, ~/ or a variable.
  void resolve_command(std::vector<std::string>& command, const std::string& key, const fs::path& job_file) {
    for (std::string& word : command)
      if (word.starts_with("./") || word.starts_with("../") || word.starts_with("~/") || word.starts_with("${")) {
        word = path_of(word, key, job_file);
        if (!base::is_there(word)) missing(key, word, "there is no such file", "part of the program");
      }
  }

  void resolve_paths(spec::Job& job, const fs::path& job_file) {
    resolve_command(job.log.command, "log.command", job_file);
    resolve_command(job.reward.command, "reward.command", job_file);
    for (std::size_t i = 0; i < job.reward.parts.size(); ++i)
      resolve_command(job.reward.parts[i].command, text("reward.parts[", i, "].command"), job_file);
    asked_model_ = job.model.path;
    if (!job.model.path.empty()) job.model.path = path_of(job.model.path, "model.path", job_file);
    if (const std::string& lengths = job.sampling.lengths;
        spec::is_synthetic(job) && lengths.find(':') == std::string::npos)
      job.sampling.lengths = path_of(lengths, "sampling.lengths", job_file);
    resolve_data(job.data.path, "data.path", job_file);
    for (std::size_t i = 0; i < job.data.sources.size(); ++i)
      resolve_data(job.data.sources[i].path, text("data.sources[", i, "].path"), job_file);
  }

  void resolve_data(std::string& path, const std::string& key, const fs::path& job_file) {
    if (path.empty() || path.starts_with("builtin:")) return;
    path = path_of(path, key, job_file);
    if (!spec::is_data_there(path))
      missing(key, path, "there is no such file", "JSON lines or Parquet: a file, a folder or a pattern");
  }

  std::optional<spec::ModelFacts> read_facts(const spec::Job& job, const fs::path& templates) {
    std::optional<spec::ModelFacts> named, found;
    if (!job.model.name.empty())
      named = kept("model.name", [&] { return spec::named_model_facts(job.model.name, templates); });
    if (!job.model.path.empty()) {
      if (const std::optional<base::Fault> fault = spec::model_folder_fault(asked_model_, job.model.path)) {
        missing("model.path", job.model.path, fault->what, fault->fix);
      } else {
        found = kept("model.path", [&] { return spec::read_model_facts(job.model.path); });
      }
    } else if (request_.paths_must_exist && !job.model.name.empty() && !spec::is_synthetic(job)) {
      faults_.add({.what = "model.path is not given",
                   .where = places_.of("model.name"),
                   .fix = "a run needs the folder: tokenizer and weights, or a config with weights = \"random\""});
    }
    if (named && found) check_agreement(*named, *found, job);
    return found ? found : named;
  }

  /// Runs `read`, for which `key` asks; its faults join the others.
  template <class Read>
  std::optional<spec::ModelFacts> kept(const std::string& key, const Read& read) {
    try {
      return read();
    } catch (const Error& error) {
      for (base::Fault fault : error.faults()) {
        // A folder is no place to fix: what is wrong is the key that names it.
        if (fault.where.find(".toml") == std::string::npos && fault.where.find(".json") == std::string::npos)
          fault.where = places_.of(key);
        faults_.add(fault);
      }
      return {};
    }
  }

  void check_agreement(const spec::ModelFacts& named, const spec::ModelFacts& found, const spec::Job& job) {
    const auto sizes = [](const spec::ModelFacts& f) {
      return text("hidden ", f.hidden_size, ", layers ", f.num_layers, ", heads ", f.num_heads, "/", f.num_kv_heads,
                  " x ", f.head_dim, ", feed-forward ", f.intermediate_size, ", vocabulary ", f.vocab_size);
    };
    if (sizes(named) == sizes(found) && named.family == found.family) return;
    faults_.add({.what = text("model.name \"", job.model.name, "\" (", sizes(named), ") is not the model at ",
                              job.model.path, " (", sizes(found), ")"),
                 .where = places_.of("model.name"),
                 .fix = "take one of them out"});
  }

  void warn_of_device(spec::Job& job, const cluster::Cluster& cluster) {
    if (cluster.device != "cuda" || !job.train.share_prompt) return;
    job.train.share_prompt = false;
    warnings_.push_back("train.share_prompt is off: its CUDA form does not exist yet");
  }

  const Request& request_;
  base::Faults faults_;
  spec::KeyPlaces places_;
  std::vector<std::string> warnings_;
  std::string asked_model_;  // model.path as it was typed
};

}  // namespace

Planned make_plan(const Request& request) { return Planner(request).make(); }

}  // namespace muster::plan
