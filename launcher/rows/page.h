// Published rows as pages for people, at most 100 columns wide. Pure.
#pragma once

#include <string>
#include <vector>

#include "launcher/rows/rows.h"
#include "runtime/spec/job.h"

namespace muster::rows {

/// A title that says whose figures these are, then a line a row: figures and job. '*' marks rows that Muster runs, '!'
/// those with a note.
std::string rows_page(const std::vector<PublishedRow>& rows);
/// One row in full: columns, figures and whether they close, the job's own values, the commands that plan it.
/// `job`: the row's job as it is read.
std::string row_page(const PublishedRow& row, const spec::Job& job);

}  // namespace muster::rows
