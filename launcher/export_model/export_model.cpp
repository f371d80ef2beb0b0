// The verb alone: launcher/run/model_of_run does the work.
#include "launcher/export_model/export_model.h"

#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "launcher/cli/shared_flags.h"
#include "launcher/run/model_of_run.h"
#include "runtime/base/error.h"
#include "runtime/base/json_text.h"
#include "runtime/base/text.h"

namespace muster::export_model {
namespace {

namespace fs = std::filesystem;

struct ExportOptions {
  std::vector<std::string> words;
  bool json = false;
};

std::int64_t size_of(const fs::path& folder) {
  std::int64_t bytes = 0;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder))
    if (entry.is_regular_file()) bytes += static_cast<std::int64_t>(entry.file_size());
  return bytes;
}

int export_folder(const ExportOptions& options) {
  if (options.words.size() != 2)
    throw Error::user({.what = "muster export needs a run and a folder",
                       .fix = "muster export RUN[@STEP] DIR: RUN is a run folder or a job id"});
  const fs::path folder = fs::absolute(options.words[1]).lexically_normal();
  const run::ModelOfRun model = run::find_model(options.words[0]);
  run::write_model(model, folder);
  const std::int64_t bytes = size_of(folder);
  if (options.json) {
    const nlohmann::ordered_json object{
        {"run", model.plan.run_folder.string()}, {"step", model.step}, {"folder", folder.string()}, {"bytes", bytes}};
    base::print(stdout, base::json_text(object, 2) + "\n");
  } else {
    base::print(stdout, base::text(model.text, " of ", model.plan.run_folder.string(), "\nwritten to  ",
                                   folder.string(), " (", base::bytes_text(bytes), ")\n"));
  }
  return 0;
}

}  // namespace

cli::Verb export_verb() {
  return cli::make_verb<ExportOptions>(
      {.name = "export",
       .usage = "RUN[@STEP] DIR [--json]",
       .summary = "writes a run's final model, or a checkpoint, as a Hugging Face folder",
       .example = "muster export runs/my-job-20261125-184206@200 my-model",
       .max_words = 2},
      [](cli::Flags& flags, ExportOptions& options) { cli::add_json_flag(flags, options.json); }, export_folder);
}

}  // namespace muster::export_model
