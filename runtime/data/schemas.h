// Data sets whose fields are known by name, so that one job's templates, {prompt} and {answer}, fit them all.
#pragma once

#include <string>

#include "runtime/spec/job.h"

namespace muster::data {

/// What {prompt} and {answer} of the templates are in the rows of a source: names or paths of fields. Empty: the fields
/// of these very names.
struct FieldNames {
  std::string prompt, answer;
};

/// The source's own words before those of its schema. throws: Error::user when the schema does not exist.
FieldNames field_names(const spec::DataSource& source);
/// Is of rows with equal prompts only the first kept? Where the job leaves it open: for schemas that repeat rows.
bool is_deduplicated(const spec::DataJob& data, const spec::DataSource& source);

}  // namespace muster::data
