// The table of layouts. Today's is the one without changes.
#include "launcher/tune/tune.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "launcher/cli/shared_flags.h"
#include "runtime/base/columns.h"
#include "runtime/base/error.h"
#include "runtime/base/text.h"

namespace muster::tune {
namespace {

using base::left;
using base::right;
using base::text;

constexpr std::size_t kShown = 10;

/// Where the step's time goes.
std::string reason(const Candidate& one) {
  const estimate::StepSeconds& s = one.seconds;
  const double generate = s.prefill_s + s.decode_s, train = s.score_s + s.train_s;
  return text("generate ", base::number_text(generate, 0), " s, train ", base::number_text(train, 0),
              " s, refit and moves ", base::number_text(s.refit_s + s.move_s, 0), " s");
}

std::string line(std::size_t place, const Candidate& one) {
  const spec::Degrees &t = one.train, &g = one.generate;
  const char* recompute = one.recompute == spec::Recompute::none   ? ""
                          : one.recompute == spec::Recompute::full ? " full"
                                                                   : " part";
  return right(std::to_string(place), 3) + (one.changes.empty() ? " >" : "  ") +
         left(text("tp ", t.tp, " cp ", t.cp, " pp ", t.pp, " ep ", t.ep, recompute), 28) +
         left(text("tp ", g.tp, " dp ", g.dp), 14) + right(base::number_text(one.seconds.tokens_per_s_per_gpu, 1), 8) +
         right(base::number_text(one.free_gb, 0), 6) + (one.unsupported.empty() ? "   " : " - ") + reason(one) + "\n";
}

/// What today's layout loses to the best, and in which phase most.
std::string loss_of(const Candidate& today, const Candidate& best) {
  using Seconds = estimate::StepSeconds;
  const auto per_cent = 100 * (1 - today.seconds.tokens_per_s_per_gpu / best.seconds.tokens_per_s_per_gpu);
  const std::pair<const char*, double Seconds::*> phases[] = {{"decode", &Seconds::decode_s},
                                                              {"scoring", &Seconds::score_s},
                                                              {"training", &Seconds::train_s},
                                                              {"refit", &Seconds::refit_s},
                                                              {"moves", &Seconds::move_s}};
  const auto lost = [&](double Seconds::*phase) { return today.seconds.*phase - best.seconds.*phase; };
  const auto most = std::max_element(std::begin(phases), std::end(phases),
                                     [&](const auto& a, const auto& b) { return lost(a.second) < lost(b.second); });
  return text("\nToday's loses ", base::number_text(per_cent, 0), " % to the first, most in ", most->first, ": ",
              base::number_text(today.seconds.*(most->second), 1), " s against ",
              base::number_text(best.seconds.*(most->second), 1), " s.");
}

}  // namespace

std::string tune_page(const Found& found, const plan::Request& request) {
  if (found.candidates.empty())
    return text("None of ", found.tried, " layouts fits the memory of cluster ", request.cluster, ".\n");
  std::string page =
      text(found.tried, " layouts tried, ", found.candidates.size(),
           " fit. Estimated, unmeasured (docs/estimates.md); > today's, - the runtime does not run it.\n\n");
  page += "     trainer                     generator     tok/s/GPU GB free\n";
  for (std::size_t i = 0; i < found.candidates.size(); ++i)
    if (i < kShown || found.candidates[i].changes.empty()) page += line(i + 1, found.candidates[i]);
  const Candidate& best = found.candidates.front();
  if (best.changes.empty()) return page + "\nToday's layout is the best of them.\n";
  for (const Candidate& one : found.candidates)
    if (one.changes.empty()) page += loss_of(one, best);
  page += "\nThe first: muster plan " + request.job + " --cluster " + request.cluster;
  for (const auto* changes : {&request.overrides, &best.changes})
    for (const std::string& change : *changes) page += " --set " + base::shell_quoted(change);
  return page + "\n";
}

namespace {

struct TuneOptions {
  std::vector<std::string> words;  // JOB
  std::string cluster;
  std::vector<std::string> overrides;
};

int print_layouts(const TuneOptions& options) {
  if (options.words.empty())
    throw Error::user({.what = "muster tune needs a job",
                       .where = "",
                       .fix = "muster tune JOB --cluster C, where JOB is a job file or the name of a shipped one"});
  plan::Request request{.job = options.words[0], .overrides = options.overrides};
  if (!options.cluster.empty()) request.cluster = options.cluster;
  const std::string page = tune_page(search(request), request);
  std::fwrite(page.data(), 1, page.size(), stdout);
  return 0;
}

}  // namespace

cli::Verb tune_verb() {
  return cli::make_verb<TuneOptions>(
      {.name = "tune",
       .usage = "JOB --cluster C [--set key=value]...",
       .summary = "layouts of a job on as many GPUs, ranked by their estimated speed; each as the --set that makes it",
       .example = "muster tune v0.6-grpo-deepseek-v3-512xh100 --cluster dgx-h100",
       .max_words = 1},
      [](cli::Flags& flags, TuneOptions& options) {
        cli::add_cluster_flag(flags, options.cluster);
        cli::add_set_flag(flags, options.overrides);
      },
      print_layouts);
}

}  // namespace muster::tune
