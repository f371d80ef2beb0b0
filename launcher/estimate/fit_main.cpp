// fit_estimate: fits the coefficients of the published system on templates/published.toml and writes them as
// templates/estimate.toml has them to standard output; the errors go to standard error.
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <map>

#include "launcher/estimate/fit.h"

namespace {

using namespace muster::estimate;

void print_errors(const char* name, const std::vector<double>& log_errors) {
  const Errors errors = errors_of(log_errors);
  std::fprintf(stderr, "  %-28s %3zu rows  median %.3f  nine of ten %.3f  mean %+.3f\n", name, errors.rows,
               errors.median, errors.nine_of_ten, errors.mean);
}

void print_groups(const std::vector<MeasuredRow>& rows, const std::vector<double>& log_errors) {
  std::map<std::string, std::vector<double>> groups;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    groups[rows[i].row.system + " " + rows[i].row.release].push_back(log_errors[i]);
    groups["model " + rows[i].row.model].push_back(log_errors[i]);
  }
  for (const auto& [name, errors] : groups) print_errors(name.c_str(), errors);
}

void print_table(const char* name, const Coefficients& coefficients) {
  std::printf("\n[%s]\n", name);
  for (const CoefficientInfo& info : coefficient_list())
    std::printf("%s = %.4g  # %s\n", info.name, coefficients.*info.member, info.meaning);
}

}  // namespace

int main() try {
  const std::vector<MeasuredRow> rows = measured_rows();
  std::vector<const MeasuredRow*> all;
  for (const MeasuredRow& row : rows) all.push_back(&row);
  const Coefficients found = fit(all, Coefficients{});
  std::vector<double> seen;
  for (const MeasuredRow& row : rows) seen.push_back(log_error(row, found));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const StepSeconds s = step_seconds(rows[i].counts, found);
    std::fprintf(
        stderr,
        "%-40s %6.1f s, estimated %6.1f: decode %6.1f score %5.1f train %6.1f refit %4.1f move %4.1f fixed %4.1f\n",
        rows[i].row.id.c_str(), rows[i].step_s, s.step_s, s.decode_s, s.score_s, s.train_s, s.refit_s, s.move_s,
        s.fixed_s);
  }
  std::fprintf(stderr, "rows it was fitted on\n");
  print_errors("all", seen);
  std::fprintf(stderr, "each row left out\n");
  const std::vector<double> by_row = left_out_errors(rows, found, [](const MeasuredRow& row) { return row.row.id; });
  print_errors("all", by_row);
  print_groups(rows, by_row);
  std::fprintf(stderr, "each model left out\n");
  const std::vector<double> by_model =
      left_out_errors(rows, found, [](const MeasuredRow& row) { return row.row.model; });
  print_errors("all", by_model);
  print_groups(rows, by_model);
  std::printf(
      "# What turns the counts of a step into seconds. [published] is fitted by fit_estimate on published.toml:\n"
      "#   ninja -C build fit_estimate && build/bin/fit_estimate > templates/estimate.toml\n"
      "# [muster] is assumed: no GPU has been measured.\n");
  print_table("published", found);
  print_table("muster", Coefficients{});
  const Errors row = errors_of(by_row), model = errors_of(by_model);
  std::printf(
      "\n# |log(estimated / printed)| of rows that the fit did not see: alone, and with all of their "
      "model.\n[left_out]\n"
      "row_median = %.3f\nrow_nine_of_ten = %.3f\nmodel_median = %.3f\nmodel_nine_of_ten = %.3f\n",
      row.median, row.nine_of_ten, model.median, model.nine_of_ten);
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "fit_estimate: %s\n", error.what());
  return EXIT_FAILURE;
}
