// The two pages of `muster watch`, as pure functions of what the files of the runs said: several runs in a list, one in
// detail.
#pragma once

#include <cstdint>
#include <vector>

#include "launcher/page/terminal.h"
#include "launcher/records/followed_run.h"
#include "launcher/records/run_records.h"

namespace muster::watch {

/// One line a run: name, state, attempt, step, reward and its curve, seconds of a step, time to the end. `chosen` is
/// marked (none when it is past the end), and stays on the page when there are more runs than rows.
std::vector<page::Line> list_page(const std::vector<const records::FollowedRun*>& runs, std::size_t chosen,
                                  const page::Style& style);

/// The run's block, its state, the slowest host of each phase, as many plots as there is room for (from `first_plot`
/// on, round and round), and answers of the last step.
std::vector<page::Line> run_page(const records::FollowedRun& run, const std::vector<records::SampleLine>& samples,
                                 std::size_t first_plot, const page::Style& style);

}  // namespace muster::watch
