// A pattern search is enough: twelve coefficients, 54 rows, and a row takes microseconds.
#include "launcher/estimate/fit.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "launcher/plan/plan.h"

namespace muster::estimate {
namespace {

constexpr double kUsualPrompt = 120, kLeastPrompt = 60, kMostPrompt = 180;
/// Log errors beyond this count linearly: some rows were measured oddly.
constexpr double kFar = 0.3;
/// How strongly a coefficient is held to where it began: a factor of e costs as much as one row missed by this.
constexpr double kHeld = 0.1;

double cost_of(double error) {
  const double size = std::abs(error);
  return size < kFar ? size * size : kFar * (2 * size - kFar);
}

double total_cost(const std::vector<const MeasuredRow*>& rows, const Coefficients& coefficients,
                  const Coefficients& origin) {
  double cost = 0;
  for (const MeasuredRow* row : rows) cost += cost_of(log_error(*row, coefficients));
  for (const CoefficientInfo& info : coefficient_list()) {
    const double moved = kHeld * std::log(coefficients.*info.member / origin.*info.member);
    cost += moved * moved;
  }
  return cost;
}

}  // namespace

double prompt_tokens_of(const rows::PublishedRow& row) {
  const double more = rows::implied_tokens(row) - static_cast<double>(row.answer_tokens);
  return more >= kLeastPrompt && more <= kMostPrompt ? more : kUsualPrompt;
}

std::vector<MeasuredRow> measured_rows() {
  std::vector<MeasuredRow> measured;
  for (const rows::PublishedRow& row : rows::shipped_rows()) {
    if (row.answer_tokens == 0 || (row.step_s == 0 && row.tokens_per_s_per_gpu == 0)) continue;
    const plan::Planned planned = plan::make_plan({.job = row.job, .overrides = {}, .cluster = row.cluster});
    const double prompt = prompt_tokens_of(row), answer = static_cast<double>(row.answer_tokens);
    const auto counts = step_counts(planned.plan, planned.cluster, {.prompt_tokens = prompt, .mean_tokens = answer});
    if (!counts) continue;
    const double step_s =
        row.step_s > 0 ? row.step_s
                       : counts->samples * (prompt + answer) / row.tokens_per_s_per_gpu / static_cast<double>(row.gpus);
    measured.push_back({.row = row, .step_s = step_s, .counts = *counts});
  }
  return measured;
}

double log_error(const MeasuredRow& row, const Coefficients& coefficients) {
  return std::log(step_seconds(row.counts, coefficients).step_s / row.step_s);
}

Coefficients fit(const std::vector<const MeasuredRow*>& rows, const Coefficients& start) {
  static const Coefficients origin;  // what the coefficients mean before any row is seen
  Coefficients best = start;
  double least = total_cost(rows, best, origin);
  for (double step = 0.4; step > 0.01;) {
    const double before = least;
    for (const CoefficientInfo& info : coefficient_list()) {
      for (const double sign : {1.0, -1.0}) {
        Coefficients tried = best;
        tried.*info.member = std::clamp(best.*info.member * std::exp(sign * step), info.least, info.most);
        const double cost = total_cost(rows, tried, origin);
        if (cost < least) {
          least = cost;
          best = tried;
          break;
        }
      }
    }
    if (least > before - 1e-4) step /= 2;
  }
  return best;
}

Errors errors_of(std::vector<double> log_errors) {
  Errors errors{.rows = log_errors.size()};
  if (log_errors.empty()) return errors;
  for (double& error : log_errors) {
    errors.mean += error / static_cast<double>(errors.rows);
    error = std::abs(error);
  }
  std::sort(log_errors.begin(), log_errors.end());
  const auto at = [&](double share) {
    return log_errors[static_cast<std::size_t>(std::ceil(share * static_cast<double>(errors.rows))) - 1];
  };
  errors.median = at(0.5);
  errors.nine_of_ten = at(0.9);
  return errors;
}

std::vector<double> left_out_errors(const std::vector<MeasuredRow>& rows, const Coefficients& start,
                                    const std::function<std::string(const MeasuredRow&)>& group) {
  std::map<std::string, Coefficients> fits;
  std::vector<double> errors;
  for (const MeasuredRow& left_out : rows) {
    const std::string name = group(left_out);
    if (!fits.contains(name)) {
      std::vector<const MeasuredRow*> others;
      for (const MeasuredRow& row : rows)
        if (group(row) != name) others.push_back(&row);
      fits[name] = fit(others, start);
    }
    errors.push_back(log_error(left_out, fits[name]));
  }
  return errors;
}

}  // namespace muster::estimate
