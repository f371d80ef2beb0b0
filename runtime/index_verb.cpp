#include "runtime/index_verb.h"

#include <cstdio>

#include "runtime/base/clock.h"
#include "runtime/base/process.h"
#include "runtime/base/text.h"
#include "runtime/data/indexer.h"
#include "runtime/spec/plan.h"
#include "runtime/verb_options.h"

namespace muster {
namespace {

constexpr double kSpeak_s = 2;  // between two lines of progress

std::string figures_text(const data::IndexFigures& figures) {
  std::string text = base::text(figures.path, ": ", figures.rows, " rows of ", base::bytes_text(figures.bytes),
                                " indexed in ", base::seconds_text(figures.seconds));
  if (figures.broken + figures.too_long > 0)
    text += base::text("; refused: ", figures.broken, " broken, ", figures.too_long, " too long");
  for (const std::string& example : figures.examples) text += "\n  " + example;
  return text + "\n";
}

}  // namespace

int index_data(const std::vector<std::string>& words) {
  const VerbOptions options(words, {"plan"});
  const spec::Plan plan = spec::read_plan(options.at("plan"));
  base::Stopwatch spoken;
  const auto progress = [&](const std::string& path, std::int64_t done, std::int64_t all) {
    if (spoken.elapsed_s() < kSpeak_s) return;
    spoken = {};
    std::fprintf(stderr, "indexing %s: %s of %s\n", path.c_str(), base::bytes_text(done).c_str(),
                 base::bytes_text(all).c_str());
  };
  const auto found = data::make_indexes(
      plan.job.data, {.folder = spec::RunPaths{plan.run_folder}.data(),
                      .model = plan.job.model.path,
                      .binaries = base::executable_folder(),
                      .max_prompt_tokens = data::most_prompt_tokens(plan.job.data, plan.job.grpo.max_sequence_tokens),
                      .on_progress = progress});
  for (const data::IndexFigures& figures : found)
    if (!figures.is_kept) std::fputs(figures_text(figures).c_str(), stderr);
  return 0;
}

}  // namespace muster
