// The shipped coefficients against the published rows.
#include "launcher/estimate/fit.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <cmath>

#include "launcher/estimate/page.h"
#include "runtime/base/files.h"
#include "runtime/base/text.h"

namespace muster::estimate {
namespace {

class PublishedRows : public testing::Test {
 protected:
  PublishedRows() {
    const std::string root = MUSTER_SOURCE_DIR;
    ::setenv("MUSTER_TEMPLATES", (root + "/templates").c_str(), 1);
    ::setenv("MUSTER_CLUSTERS", (root + "/clusters").c_str(), 1);
    ::setenv("MUSTER_CACHE", "/nonexistent/cache", 1);
    ::setenv("XDG_CONFIG_HOME", "/nonexistent", 1);
  }
};

TEST_F(PublishedRows, AllHaveAnEstimateAndAllButOneAMeasurement) {
  for (const rows::PublishedRow& row : rows::shipped_rows()) {
    const plan::Planned planned = plan::make_plan({.job = row.job, .overrides = {}, .cluster = row.cluster});
    EXPECT_NE(seconds_page(planned).find("unmeasured"), std::string::npos) << row.id;
  }
  EXPECT_EQ(measured_rows().size() + 1, rows::shipped_rows().size());
}

TEST_F(PublishedRows, AreMissedByNoMoreThanTheShippedFileSays) {
  const std::vector<MeasuredRow> rows = measured_rows();
  const Systems systems = shipped_coefficients();
  const Errors errors =
      errors_of(left_out_errors(rows, systems.published, [](const MeasuredRow& row) { return row.row.id; }));
  EXPECT_LE(errors.median, systems.left_out.row_median + 0.01);
  EXPECT_LE(errors.nine_of_ten, systems.left_out.row_nine_of_ten + 0.02);
  const Errors models =
      errors_of(left_out_errors(rows, systems.published, [](const MeasuredRow& row) { return row.row.model; }));
  EXPECT_LE(models.median, systems.left_out.model_median + 0.02);
  EXPECT_LE(models.nine_of_ten, systems.left_out.model_nine_of_ten + 0.05);
}

TEST_F(PublishedRows, GiveTheShippedCoefficientsWhenFittedAgain) {
  const std::vector<MeasuredRow> rows = measured_rows();
  std::vector<const MeasuredRow*> all;
  for (const MeasuredRow& row : rows) all.push_back(&row);
  const Coefficients again = fit(all, Coefficients{}), shipped = shipped_coefficients().published;
  for (const CoefficientInfo& info : coefficient_list())
    EXPECT_NEAR(std::log(again.*info.member / shipped.*info.member), 0, 0.01) << info.name;
}

TEST_F(PublishedRows, AreMissedAsThePageOfTheDocumentationSays) {
  const std::string page = base::read_file(std::string(MUSTER_SOURCE_DIR) + "/docs/estimates.md");
  const LeftOut errors = shipped_coefficients().left_out;
  const auto said = [](const char* what, double median, double nine_of_ten) {
    return base::text("| ", what, " | ", base::number_text(median, 3), " | ", base::number_text(nine_of_ten, 3), " |");
  };
  EXPECT_NE(page.find(said("the row alone", errors.row_median, errors.row_nine_of_ten)), std::string::npos);
  EXPECT_NE(page.find(said("every row of its model", errors.model_median, errors.model_nine_of_ten)),
            std::string::npos);
}

TEST(ErrorsOf, AreTheMedianAndTheNinthOfTen) {
  const Errors errors = errors_of({-0.1, 0.2, -0.3, 0.4, -0.5, 0.6, -0.7, 0.8, -0.9, 1.0});
  EXPECT_NEAR(errors.median, 0.5, 1e-12);
  EXPECT_NEAR(errors.nine_of_ten, 0.9, 1e-12);
  EXPECT_NEAR(errors.mean, 0.05, 1e-12);
}

}  // namespace
}  // namespace muster::estimate
