#include "runtime/spec/check_data.h"

#include <gtest/gtest.h>

#include <functional>

#include "runtime/spec/job.h"

namespace muster::spec {
namespace {

struct Found {
  std::vector<base::Fault> faults;
  std::vector<std::string> warnings;
};

Found found(const std::function<void(DataJob&)>& change) {
  DataJob data{.path = "builtin:sums"};
  change(data);
  base::Faults faults;
  Found result;
  check_data(data, {.file = "job.toml"}, faults, result.warnings);
  result.faults = faults.list();
  return result;
}

std::string only_fault(const std::function<void(DataJob&)>& change) {
  const Found result = found(change);
  if (result.faults.size() != 1) return std::to_string(result.faults.size()) + " faults";
  EXPECT_FALSE(result.faults[0].fix.empty());
  return result.faults[0].what;
}

TEST(CheckData, TemplatesAreReadBeforeThereIsARow) {
  EXPECT_EQ(only_fault([](DataJob& d) { d.prompt = R"({prompt} Put it in \boxed{}.)"; }), "0 faults");
  EXPECT_EQ(only_fault([](DataJob& d) { d.prompt = R"({prompt} Put it in \boxed{...}.)"; }),
            R"(data.prompt: '\boxed{...}' is LaTeX or a field at byte 26 of '{prompt} Put it in \boxed{...}.')");
  EXPECT_EQ(only_fault([](DataJob& d) { d.answer = "{answer"; }),
            "data.answer: a field is not closed at byte 1 of '{answer'");
  EXPECT_EQ(found([](DataJob& d) { d.prompt = "prompt"; }).warnings.size(), 1u);
}

TEST(CheckData, ADateIsADayThatThereIs) {
  const auto dated = [](const std::string& date) {
    return only_fault([&](DataJob& d) {
      d.chat_template = "model";
      d.template_date = date;
    });
  };
  EXPECT_EQ(dated("2026-11-30"), "0 faults");
  EXPECT_EQ(dated("2024-02-29"), "0 faults");
  for (const char* date : {"2026-11-31", "2025-02-29", "30.11.2026", "2026-1-1", "2026-11-30 ", "2026/11/30", "today"})
    EXPECT_EQ(dated(date), "data.template_date = \"" + std::string(date) + "\" is no date");
}

TEST(CheckData, ADateNeedsATemplateThatMayAskForIt) {
  EXPECT_EQ(only_fault([](DataJob& d) {
              d.chat_template = "chatml";
              d.template_date = "2026-11-30";
            }),
            "data.template_date has no effect: ChatML has no date");
}

TEST(CheckData, KeysOfChatsNeedATemplate) {
  for (const auto& change : std::vector<std::function<void(DataJob&)>>{
           [](DataJob& d) { d.system = "Be brief."; }, [](DataJob& d) { d.thinking = Switch::on; },
           [](DataJob& d) { d.messages_field = "messages"; }, [](DataJob& d) { d.template_date = "2026-11-30"; }})
    EXPECT_NE(only_fault(change).find("has no effect without a chat template"), std::string::npos)
        << only_fault(change);
}

TEST(CheckData, MessagesStandInsteadOfPromptAndSystem) {
  const auto with = [](const std::function<void(DataJob&)>& change) {
    return only_fault([&](DataJob& d) {
      d.chat_template = "model";
      d.messages_field = "messages";
      change(d);
    });
  };
  EXPECT_EQ(with([](DataJob&) {}), "0 faults");
  EXPECT_EQ(with([](DataJob& d) { d.system = "Be brief."; }), "data.system has no effect beside data.messages_field");
  EXPECT_EQ(with([](DataJob& d) { d.prompt = "Q: {prompt}"; }), "data.prompt has no effect beside data.messages_field");
  EXPECT_EQ(with([](DataJob& d) { d.prompt_field = "q"; }),
            "data.prompt_field has no effect beside data.messages_field");
}

}  // namespace
}  // namespace muster::spec
