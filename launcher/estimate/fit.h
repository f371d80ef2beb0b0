// The published rows as measurements: coefficients fitted on them, and how far rows that were left out are missed.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "launcher/estimate/seconds.h"
#include "launcher/rows/rows.h"

namespace muster::estimate {

struct MeasuredRow {
  rows::PublishedRow row;
  double step_s = 0;  // as printed, or of the printed rate
  StepCounts counts;
};
/// The rows with a step time or a rate, and lengths. throws: Error::user where a shipped job cannot be planned.
std::vector<MeasuredRow> measured_rows();
/// Tokens of a sample that are not generated: what the row implies where its figures close, or a usual prompt.
double prompt_tokens_of(const rows::PublishedRow& row);

/// log(predicted / measured) of the step.
double log_error(const MeasuredRow& row, const Coefficients& coefficients);
/// Coefficients that miss `rows` least, from `start`: a pattern search over their logarithms within their bounds. Far
/// misses count linearly, and a coefficient that the rows do not tell stays near where it began.
Coefficients fit(const std::vector<const MeasuredRow*>& rows, const Coefficients& start);

struct Errors {
  std::size_t rows = 0;
  double median = 0, nine_of_ten = 0, mean = 0;  // |log error|, |log error|, log error
};
Errors errors_of(std::vector<double> log_errors);
/// The error of every row, by a fit without the rows that share its `group` (the row's id, or its model).
std::vector<double> left_out_errors(const std::vector<MeasuredRow>& rows, const Coefficients& start,
                                    const std::function<std::string(const MeasuredRow&)>& group);

}  // namespace muster::estimate
