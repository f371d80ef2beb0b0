#include "launcher/try_job/try_job.h"

#include "launcher/run/run_folder.h"
#include "launcher/trial/trial.h"
#include "runtime/base/error.h"
#include "runtime/base/text.h"

namespace muster::try_job {
namespace {

int try_it(const run::StartOptions& options) {
  if (options.words.empty())
    throw Error::user({.what = "muster try needs a job", .fix = "muster try JOB [--cluster C] [--set key=value]..."});
  const run::Prepared prepared = run::prepare(options);
  const std::optional<trial::Trial> trial = trial::try_plan(prepared.plan, true);
  if (!trial)
    throw Error::user({.what = "muster-runtime does not lie beside this muster",
                       .fix = "build it with WITH_RUNTIME=ON, or try on a machine that has it"});
  base::print(stdout, trial::trial_page(*trial));
  for (const std::string& warning : trial::warnings_of(*trial)) base::print(stdout, "warning: " + warning + "\n");
  base::print(stdout, "\nmodel, tokenizer, data and reward are well: nothing was trained or written\n");
  return 0;
}

}  // namespace

cli::Verb try_verb() {
  return cli::make_verb<run::StartOptions>(
      {.name = "try",
       .usage = "JOB [--cluster C] [--set key=value]...",
       .summary = "renders the first rows, measures prompts, grades made-up answers: no GPU, nothing is written",
       .example = "muster try my-job.toml",
       .max_words = 1},
      [](cli::Flags& flags, run::StartOptions& options) {
        options.verb = "try";
        run::add_start_flags(flags, options);
      },
      try_it);
}

}  // namespace muster::try_job
