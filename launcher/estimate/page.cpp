// Two estimates stand side by side and are never mixed: of the published system (fitted) and of Muster (assumed).
#include "launcher/estimate/page.h"

#include <cmath>
#include <optional>

#include "launcher/estimate/fit.h"
#include "runtime/base/columns.h"
#include "runtime/base/text.h"
#include "runtime/spec/answer_lengths.h"

namespace muster::estimate {
namespace {

using base::left;
using base::right;
using base::text;

struct KnownLengths {
  Lengths lengths;
  std::string from;
  std::optional<rows::PublishedRow> row;
};

/// The newest published row of the job where it was measured, the forced lengths of a synthetic run, or a guess.
KnownLengths lengths_of(const plan::Planned& planned) {
  KnownLengths known;
  const spec::Job& job = planned.plan.job;
  for (const rows::PublishedRow& row : rows::shipped_rows())
    if (row.job == planned.job_file.stem().string() && row.cluster == planned.plan.cluster && row.answer_tokens > 0)
      known.row = row;
  if (known.row) {
    known.lengths = {.prompt_tokens = prompt_tokens_of(*known.row),
                     .mean_tokens = static_cast<double>(known.row->answer_tokens)};
    known.from = "as in the published row";
  } else if (spec::is_synthetic(job)) {
    const auto forced = spec::AnswerLengths::parse(job.sampling.lengths, planned.places.of("sampling.lengths"));
    known.lengths.mean_tokens = std::max(1.0, forced.mean());
    known.from = "as sampling.lengths says";
  } else {
    known.lengths.mean_tokens = static_cast<double>(spec::max_new_tokens(job)) / 2;
    known.from = "assumed: half of the longest";
  }
  return known;
}

std::string seconds_text(double seconds) { return base::number_text(seconds, seconds < 100 ? 1 : 0); }

std::string line(const std::string& name, const std::string& published, const std::string& muster) {
  return "  " + left(name, 34) + right(published, 12) + right(muster, 12) + "\n";
}

/// exp(error) - 1 in per cent.
std::string percent(double log_error) { return base::number_text(100 * (std::exp(log_error) - 1), 0) + " %"; }

}  // namespace

Lengths known_lengths(const plan::Planned& planned) { return lengths_of(planned).lengths; }

std::string seconds_page(const plan::Planned& planned) {
  const KnownLengths known = lengths_of(planned);
  const std::optional<StepCounts> counts = step_counts(planned.plan, planned.cluster, known.lengths);
  if (!counts) return "";
  const Systems systems = shipped_coefficients();
  const StepSeconds published = step_seconds(*counts, systems.published),
                    muster = step_seconds(*counts, systems.muster);
  std::string page = "\nseconds of a step, estimated for answers of " +
                     base::number_text(known.lengths.mean_tokens, 0) + " tokens (" + known.from + ")\n";
  page += line("", "NeMo RL", "Muster*");
  const auto phase = [&](const char* name, double StepSeconds::*member) {
    page += line(name, seconds_text(published.*member), seconds_text(muster.*member));
  };
  phase("prefill", &StepSeconds::prefill_s);
  phase("decode", &StepSeconds::decode_s);
  phase("scoring", &StepSeconds::score_s);
  phase("training", &StepSeconds::train_s);
  if (counts->is_async) phase("  beside each other, one waits", &StepSeconds::waits_s);
  phase("refit", &StepSeconds::refit_s);
  phase("moves between phases", &StepSeconds::move_s);
  phase("the rest", &StepSeconds::fixed_s);
  phase("step", &StepSeconds::step_s);
  phase("tokens/s/GPU", &StepSeconds::tokens_per_s_per_gpu);
  page += line("MFU of training, over the step", base::number_text(100 * published.mfu, 1) + " %",
               base::number_text(100 * muster.mfu, 1) + " %");
  if (known.row && known.row->step_s > 0)
    page += text("  published (", known.row->id, "): ", seconds_text(known.row->step_s), " s, ",
                 base::number_text(known.row->tokens_per_s_per_gpu, known.row->tokens_per_s_per_gpu < 100 ? 1 : 0),
                 " tokens/s/GPU\n");
  page += text("  NeMo RL: fitted on published rows; one that the fit did not see is missed by ",
               percent(systems.left_out.row_median), " in\n  the median and ",
               percent(systems.left_out.row_nine_of_ten), " in nine of ten; of a model it did not see by ",
               percent(systems.left_out.model_median), " and ", percent(systems.left_out.model_nine_of_ten),
               ".\n  * unmeasured: assumed efficiencies, no GPU has been measured with Muster (docs/estimates.md)\n");
  return page;
}

}  // namespace muster::estimate
