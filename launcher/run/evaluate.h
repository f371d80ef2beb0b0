// `muster evaluate JOB --model DIR` or `muster evaluate RUN[@STEP]`: a run without steps that looks once at the job's
// held-out rows (all rows where none are held out) and prints what it saw.
#pragma once

#include <string>
#include <vector>

#include "launcher/cli/verb.h"
#include "launcher/page/terminal.h"
#include "launcher/records/run_records.h"
#include "launcher/run/run_folder.h"
#include "runtime/spec/validation_record.h"

namespace muster::run {

/// Ends with 0, the code of the failure, or 130 after Ctrl-C.
cli::Verb evaluate_verb();

struct EvaluateOptions : StartOptions {
  std::filesystem::path model;  // empty: the job's, or the run's
  bool json = false;
};

/// The settings that make a job one look, before those that were typed.
std::vector<std::string> evaluation_overrides(const EvaluateOptions& options);
/// What was seen, with a few answers. At most `columns` wide, but for paths.
std::string evaluation_page(const spec::Plan& plan, const spec::ValidationRecord& record,
                            const std::vector<records::SampleLine>& samples, const page::Style& style);

}  // namespace muster::run
