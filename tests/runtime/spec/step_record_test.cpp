#include "runtime/spec/step_record.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

namespace muster::spec {
namespace {

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

TEST(StepRecord, SecondsRatesMemoryAndAttemptAreOfOneRunAlone) {
  for (const FieldInfo& field : step_fields()) {
    const bool is_own = field.unit == "s" || field.unit == "tokens/s" || field.name == "attempt" ||
                        field.name == "time" || field.name.starts_with("memory");
    if (is_own) {
      EXPECT_FALSE(field.identical) << field.name;
    }
  }
}

TEST(StepRecord, PhasesAndOwnersHaveNames) {
  std::set<std::string> names;
  for (const Phase phase : kPhases) EXPECT_TRUE(names.insert(phase_name(phase)).second);
  for (const MemoryOwner owner : kMemoryOwners) EXPECT_TRUE(names.insert(memory_owner_name(owner)).second);
}

}  // namespace
}  // namespace muster::spec
