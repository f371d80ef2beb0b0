// The shipped job of a published row.
#pragma once

#include "launcher/rows/rows.h"
#include "runtime/spec/job.h"

namespace muster::rows {

/// As its file and its bases say, without a cluster. throws: Error::user with every fault of the file.
spec::Job job_of(const PublishedRow& row);

}  // namespace muster::rows
