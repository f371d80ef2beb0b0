#include "runtime/data/chat_prompt.h"

#include <gtest/gtest.h>

#include "runtime/base/error.h"
#include "runtime/base/files.h"
#include "tests/support/temporary_folder.h"

namespace muster::data {
namespace {

using nlohmann::ordered_json;

class ChatPrompts : public testing::Test {
 protected:
  ChatPrompt made(const std::string& chat_template, spec::DataJob data = {}) const {
    base::write_file(model_.path() / "chat_template.jinja", chat_template);
    data.chat_template = "model";
    return ChatPrompt(data, model_.path());
  }
  base::Fault fault(const std::string& chat_template, const spec::DataJob& data = {}) const {
    try {
      made(chat_template, data);
    } catch (const Error& error) {
      EXPECT_EQ(error.exit_code(), 2);
      return error.faults().at(0);
    }
    return {.what = "taken"};
  }
  tests::TemporaryFolder model_;
};

constexpr const char* kPlain = "{% for m in messages %}<{{ m.role }}>{{ m.content }}\n{% endfor %}";
constexpr const char* kDated =
    "{{ strftime_now('%d %B %Y') }}{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}";

TEST_F(ChatPrompts, ADateIsGivenByTheJobAndAskedForByItsKey) {
  const base::Fault asked = fault(kDated);
  EXPECT_NE(asked.what.find("strftime_now"), std::string::npos) << asked.what;
  EXPECT_NE(asked.where.find("chat_template.jinja:1"), std::string::npos) << asked.where;
  EXPECT_NE(asked.fix.find("set data.template_date = \"20"), std::string::npos) << asked.fix;
  EXPECT_EQ(asked.fix.find("row"), std::string::npos) << "the rows are not at fault";
  EXPECT_EQ(made(kDated, {.template_date = "2026-11-30"}).of_question("Hi"), "30 November 2026<user>Hi");
}

TEST_F(ChatPrompts, AFaultOfTheTemplateNamesTheTemplate) {
  const base::Fault broken = fault("{{ messages[0].content.nothing() }}");
  EXPECT_NE(broken.where.find("chat_template.jinja:1"), std::string::npos) << broken.where;
  EXPECT_NE(broken.fix.find("fix the chat template"), std::string::npos) << broken.fix;
  EXPECT_NE(fault("nobody is asked").what.find("does not show what a user asks"), std::string::npos);
}

TEST_F(ChatPrompts, ATemplateThatKnowsPartsAloneGetsParts) {
  const auto chat = made("{% for m in messages %}<{{ m['role'] }}>{{ m['content'][0]['text'] }}{% endfor %}",
                         {.system = "Be brief."});
  EXPECT_EQ(chat.of_question("What is 1 + 1?"), "<system>Be brief.<user>What is 1 + 1?");
  EXPECT_EQ(chat.of_turns(ordered_json::parse(R"([{"role":"user","content":"Hi"}])")), "<user>Hi");
}

TEST_F(ChatPrompts, TurnsOfARowStandAsTheyAre) {
  const auto chat = made(kPlain, {.messages_field = "messages"});
  EXPECT_EQ(
      chat.of_turns(ordered_json::parse(
          R"([{"role":"system","content":"Be brief."},{"role":"user","content":"1?"},{"role":"assistant","content":"2"},
                    {"role":"user","content":"3?"}])")),
      "<system>Be brief.\n<user>1?\n<assistant>2\n<user>3?\n");
}

TEST_F(ChatPrompts, WhatIsNoListOfTurnsIsRefused) {
  const auto chat = made(kPlain, {.messages_field = "messages"});
  const auto refusal = [&](const char* turns) -> std::string {
    try {
      return chat.of_turns(ordered_json::parse(turns));
    } catch (const Error& error) {
      return error.what();
    }
  };
  EXPECT_EQ(refusal("[]"), "the list of chat turns is empty");
  EXPECT_EQ(refusal("[1]"), "a chat turn is an object with a role and a content");
  EXPECT_EQ(refusal(R"([{"role":"user"}])"), "a chat turn has no content");
  EXPECT_EQ(refusal(R"([{"role":"user","content":"1?"},{"role":"assistant","content":"2"}])"),
            "the last chat turn is the assistant's: the answer would be in the prompt");
}

TEST_F(ChatPrompts, ATemplateThatWantsOtherTurnsThanAQuestionMayStillTakeThoseOfARow) {
  const char* picky =
      "{% if messages[0].role != 'system' %}{{ raise_exception('no system') }}{% endif %}{{ messages[1].content }}";
  EXPECT_NE(fault(picky).what.find("no system"), std::string::npos);
  EXPECT_EQ(made(picky, {.messages_field = "m"})
                .of_turns(ordered_json::parse(R"([{"role":"system","content":"s"},{"role":"user","content":"u"}])")),
            "u");
}

}  // namespace
}  // namespace muster::data
