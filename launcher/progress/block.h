// The lines of the live view, as pure functions of a plan, what the records say, and the time.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "launcher/page/terminal.h"
#include "launcher/records/run_records.h"
#include "runtime/spec/plan.h"

namespace muster::progress {

/// Columns of the word at the left of a line, in the live view and in the summary.
inline constexpr std::int64_t kLabelColumns = 11;

struct Moment {
  double elapsed_s = 0;     // since the attempt began
  double since_last_s = 0;  // since the last step's record
  bool over = false;        // the attempt has ended
};

/// At most seven lines that are redrawn in place. Where there are fewer columns each line leaves out its last parts.
std::vector<page::Line> block_lines(const spec::Plan& plan, const records::RunRecords& records, const Moment& moment,
                                    const page::Style& style);

/// "step 3/12 reward 0.61 step 8.2 s generate 2.1 train 5.9 refit 0.1 ETA 1 min 10 s"
std::string plain_step_line(const spec::Plan& plan, const spec::StepRecord& step, double eta_s);

/// "pass@1 0.412 after step 40 (first 0.300), maj@4 0.500, 20 prompts": the newest evaluation of held-out rows. Empty
/// where there is none.
std::string held_out_text(const records::RunRecords& records);

/// What goes on before the first record: "loading the model".
std::string doing_text(const spec::Plan& plan, const records::RunRecords& records);
/// "8 ranks on 2 nodes, colocated"; "1 + 1 ranks, split".
std::string ranks_text(const spec::Plan& plan);
/// "update 24, reward 0.12 of 0.25".
std::string warmup_text(const spec::WarmupJob& job, const records::WarmupLines& warmup);

}  // namespace muster::progress
