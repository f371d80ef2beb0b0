// The commands that bring a row's model and data, and the one that submits it. Within launcher/rows.
#pragma once

#include <string>

#include "launcher/rows/rows.h"
#include "runtime/spec/job.h"

namespace muster::rows {

/// Lines of shell under `indent` blanks, comments where nothing can be fetched as it is. `model_bytes` 0: not known.
std::string fetch_lines(const PublishedRow& row, const spec::Job& job, double model_bytes, std::size_t indent);

}  // namespace muster::rows
