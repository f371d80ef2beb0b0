#include "runtime/spec/step_record.h"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "runtime/spec/validation_record.h"

namespace muster::spec {
namespace {

using nlohmann::ordered_json;

TEST(StepRecord, EveryFieldOfALineIsDeclaredOnceInItsOrder) {
  const auto& fields = step_fields();
  const auto object = to_json(StepRecord{.step = 3, .reward = 0.5});
  ASSERT_EQ(object.size(), fields.size());
  std::set<std::string> seen;
  std::size_t index = 0;
  for (const auto& [name, value] : object.items()) {
    EXPECT_EQ(name, fields[index++].name);
    EXPECT_TRUE(seen.insert(name).second);
  }
  for (const FieldInfo& field : fields) EXPECT_FALSE(field.meaning.empty()) << field.name;
  EXPECT_EQ(object["step"], 3);
  EXPECT_EQ(object["reward"], 0.5);
}

TEST(StepRecord, SecondsRatesPeaksAndAttemptAreOfOneRunAlone) {
  const std::set<std::string> others{"attempt",           "time",        "mfu",         "phase_memory",
                                     "peak_memory_bytes", "moved_bytes", "slowest_rank"};
  for (const FieldInfo& field : step_fields()) {
    const bool is_own = field.unit == "s" || field.unit == "tokens/s" || others.contains(field.name);
    EXPECT_EQ(field.identical, !is_own) << field.name;
  }
}

// A value of the field's type that is not its default, and another one for each `number`.
ordered_json filled(const ordered_json& value, int number) {
  if (value.is_string()) return "words " + std::to_string(number);
  if (value.is_boolean()) return !value.get<bool>();
  if (value.is_number_float()) return number + 0.5;
  if (value.is_array()) return ordered_json::array({number, number + 0.5});
  if (value.is_object()) return ordered_json{{"a", number}};
  return number;
}

TEST(StepRecord, EveryFieldThatIsWrittenIsReadBack) {
  ordered_json line = to_json(StepRecord{});
  int number = 1;
  for (const auto& [name, value] : line.items()) line[name] = filled(value, number++);
  for (const char* of_owners : {"phase_memory", "calls"}) line[of_owners] = {{"a", {{"b", number++}}}};
  const std::optional<StepRecord> record = step_record_of(ordered_json::parse(line.dump()));
  ASSERT_TRUE(record.has_value());
  const ordered_json again = to_json(*record);
  for (const auto& [name, value] : line.items()) EXPECT_EQ(again.at(name), value) << name;
}

TEST(StepRecord, WhatIsOfAnotherTypeStaysAsItWas) {
  const auto record = step_record_of(ordered_json::parse(
      R"({"step": 2, "attempt": 18446744073709551615, "reward": "high", "losses": 3, "memory": {"a": "b"}, "lr": null})"));
  ASSERT_TRUE(record.has_value());
  EXPECT_EQ(record->attempt, 0);
  EXPECT_EQ(record->reward, 0);
  EXPECT_TRUE(record->losses.empty());
  EXPECT_TRUE(std::isnan(record->lr));
  EXPECT_FALSE(step_record_of(ordered_json::parse(R"({"reward": 1})")).has_value());
  EXPECT_FALSE(step_record_of(ordered_json::parse("[1]")).has_value());
}

TEST(ValidationRecord, EveryFieldThatIsWrittenIsReadBack) {
  ordered_json line = to_json(ValidationRecord{});
  int number = 1;
  for (const auto& [name, value] : line.items()) line[name] = filled(value, number++);
  EXPECT_EQ(to_json(validation_record_of(line)), line);
  ASSERT_EQ(line.size(), validation_fields().size());
}

TEST(StepRecord, PhasesAndOwnersHaveNames) {
  std::set<std::string> names;
  for (const Phase phase : kPhases) EXPECT_TRUE(names.insert(phase_name(phase)).second);
  for (const MemoryOwner owner : kMemoryOwners) EXPECT_TRUE(names.insert(memory_owner_name(owner)).second);
}

}  // namespace
}  // namespace muster::spec
