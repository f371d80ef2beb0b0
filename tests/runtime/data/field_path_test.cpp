#include "runtime/data/field_path.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace muster::data {
namespace {

using nlohmann::json;

TEST(FieldPath, NamesWithDotsAreFoundWholeAndAsPartsOfAPath) {
  const json row =
      json::parse(R"({"extra.problem":"p","reward.model":{"truth":"t","of.it":[1,{"x":2}]},"a":{"b":3},"a.b":4})");
  EXPECT_EQ(*find_field(row, "extra.problem"), "p");
  EXPECT_EQ(*find_field(row, "reward.model.truth"), "t");
  EXPECT_EQ(*find_field(row, "reward.model.of.it.1.x"), 2);
  EXPECT_EQ(*find_field(row, "a.b"), 4) << "the whole name wins";
  for (const char* path : {"extra", "reward", "a.c", "a.b.c", "", ".", "a.", "reward.model.of.it.2"})
    EXPECT_EQ(find_field(row, path), nullptr) << path;
}

TEST(FieldPath, AMissingFieldNamesThoseThatAreThere) {
  const json row = json::parse(R"({"question":"q","final":"f","reward_model":{"ground_truth":"1"}})");
  EXPECT_EQ(missing_field_text(row, "qestion"),
            "field 'qestion' is missing; the row has final, question, reward_model: did you mean 'question'?");
  EXPECT_EQ(missing_field_text(row, "reward_model.ground_thruth"),
            "field 'reward_model.ground_thruth' is missing; 'reward_model' has ground_truth: did you mean "
            "'reward_model.ground_truth'?");
  EXPECT_EQ(missing_field_text(row, "x"), "field 'x' is missing; the row has final, question, reward_model");
  EXPECT_EQ(missing_field_text(json::object(), "x"), "field 'x' is missing; the row is empty");
  json wide;
  for (int i = 0; i < 100; ++i) wide["field_" + std::to_string(i)] = i;
  EXPECT_LT(missing_field_text(wide, "y").size(), 400u);
}

}  // namespace
}  // namespace muster::data
