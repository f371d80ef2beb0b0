#include "runtime/chat/chat_template.h"

#include <gtest/gtest.h>

#include <ctime>
#include <fstream>

#include "runtime/base/error.h"
#include "runtime/base/files.h"
#include "runtime/base/text.h"
#include "tests/support/temporary_folder.h"

namespace muster::chat {
namespace {

using nlohmann::ordered_json;

const std::filesystem::path kGolden = std::filesystem::path(MUSTER_SOURCE_DIR) / "tests/golden/chat";

std::vector<ordered_json> lines_of(const std::string& name) {
  std::ifstream file(kGolden / name);
  std::vector<ordered_json> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(ordered_json::parse(line));
  return lines;
}

Conversation conversation_with(ordered_json variables) {
  Conversation made;
  made.messages = {{{"role", "user"}, {"content", "Hi"}}};
  made.variables = std::move(variables);
  return made;
}

std::string rendered(const std::string& text, ordered_json variables = ordered_json::object()) {
  return ChatTemplate::parse(text, "t").render(conversation_with(std::move(variables)));
}

// The error that the template ends with, or "" when it does not.
std::string refusal(const std::string& text, ordered_json variables = ordered_json::object()) {
  try {
    rendered(text, std::move(variables));
    return "";
  } catch (const Error& error) {
    EXPECT_EQ(error.exit_code(), 2) << error.what();
    return error.what();
  }
}

void expect_refused(const std::string& text, const std::string& part) {
  EXPECT_NE(refusal(text).find(part), std::string::npos) << text.substr(0, 200) << "\n" << refusal(text);
}

// Made by tests/reference/chat_template_fixtures.py.
TEST(ChatTemplate, EveryConstructRendersAsWithTransformers) {
  std::vector<ordered_json> lines = lines_of("constructs.jsonl");
  ASSERT_GE(lines.size(), 100u);
  ordered_json variables = lines[0];
  variables.erase("messages");
  for (std::size_t i = 1; i < lines.size(); ++i) {
    const auto text = lines[i]["template"].get<std::string>();
    if (lines[i].contains("refused")) {
      EXPECT_NE(refusal(text, variables), "") << text;
      continue;
    }
    try {
      EXPECT_EQ(rendered(text, variables), lines[i]["text"].get<std::string>()) << text;
    } catch (const Error& error) {
      ADD_FAILURE() << text << "\n" << error.what();
    }
  }
}

// Made by tests/reference/chat_template_sweep.py --fixtures.
TEST(ChatTemplate, ConversationsRenderAsWithTransformers) {
  const auto lines = lines_of("conversations.jsonl");
  ASSERT_GE(lines.size(), 60u);
  const ordered_json special = {{"bos_token", "<s>"}, {"eos_token", "</s>"}, {"pad_token", "<pad>"}};
  int refused = 0;
  for (const ordered_json& line : lines) {
    Conversation conversation{.messages = line["messages"]};
    for (const auto& [key, value] : line.items())
      if (key == "tools")
        conversation.tools = value;
      else if (key == "add_generation_prompt")
        conversation.add_generation_prompt = value.get<bool>();
      else if (key != "messages" && key != "template" && key != "text")
        conversation.variables[key] = value;
    conversation.variables.update(special);
    const auto name = line["template"].get<std::string>();
    const auto chat_template = ChatTemplate::parse(base::read_file(kGolden / name), name);
    if (line["text"].is_null()) {
      ++refused;
      EXPECT_THROW(chat_template.render(conversation), Error) << line.dump();
    } else {
      EXPECT_EQ(chat_template.render(conversation), line["text"].get<std::string>()) << line.dump();
    }
  }
  EXPECT_LT(refused, static_cast<int>(lines.size() / 5));
}

TEST(ChatTemplate, AnErrorNamesItsLine) {
  expect_refused("a\n{{ 1 }}\n{{ missing.x }}", "t:3: 'missing' is undefined");
  expect_refused("a\n{{ s | nope }}", "t:2: filter 'nope' is not supported");
  expect_refused("\n\n{{ s is nope }}", "t:3: test 'nope' is not supported");
  expect_refused("\n{% include 'x' %}", "t:2: statement 'include' is not supported");
  expect_refused("{{ f(*l) }}", "t:1: *arguments and **arguments are not supported");
  expect_refused("\n{{ 'a'.zfill(3) }}", "t:2: method 'zfill' of str is not supported");
  expect_refused("{% if true %}\n{{ raise_exception('no tools here') }}{% endif %}", "t:2: no tools here");
  expect_refused("{% macro f(x) %}\n{{ x.y.z }}{% endmacro %}\n\n{{ f({}) }}", "t:2: dict has no 'y'");
  expect_refused("{% if true %}\nx", "t:2: {% endif %} is expected here, not the end of the template");
  expect_refused("\n{{ 'x", "t:2: the text is not closed");
  expect_refused("{{ '\xFF' }}", "t: the template is not UTF-8");
}

TEST(ChatTemplate, WhatEndsNeverIsEnded) {
  const std::clock_t begin = std::clock();  // of this process: others may load the machine
  const std::string nested = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}";
  expect_refused(nested, "t:1: the template ");
  expect_refused("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "deeper than 400");
  expect_refused("{% macro f() %}{{ f() }}{{ f() }}{% endmacro %}{{ f() }}", "deeper than 400");
  expect_refused("{% macro f(n) %}{% if n > 0 %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(60) }}",
                 "t:1: ");
  expect_refused("{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}", "deeper than 400");
  expect_refused("{{ 'a' * 10 ** 12 }}", "makes more than 256.0 MiB");
  expect_refused("{{ [0] * 10 ** 12 }}", "makes more than 256.0 MiB");
  expect_refused("{% set ns = namespace(x='ab') %}{% for i in range(99) %}{% set ns.x = ns.x + ns.x %}{% endfor %}",
                 "makes more than 256.0 MiB");
  expect_refused("{% set ns = namespace(x=[1]) %}{% for i in range(999) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}",
                 "values are nested deeper than 200");
  const std::string wide =
      "{% set ns = namespace(x=[1]) %}{% for i in range(150) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}";
  for (const char* use : {"{{ ns.x }}", "{{ ns.x | tojson }}", "{{ ns.x == ns.x }}", "{{ ns.x < ns.x }}"})
    expect_refused(wide + use, "t:1: the template ");
  expect_refused("{% set ns = namespace() %}{% set ns.x = ns %}{{ ns.x.x.x }}", "a namespace cannot be printed");
  expect_refused(
      "{% set ns = namespace() %}{% for i in range(99999) %}{% set ns.x = namespace(x=ns.x) %}{% endfor %}{{ ns }}",
      "a namespace cannot be printed");
  expect_refused("{{ ('a' * 10 ** 7).replace('a', 'b' * 10 ** 4) }}", "makes more than 256.0 MiB");
  expect_refused("{{ ('a' * 10 ** 7 ~ 'b').find('a' * 5 * 10 ** 6 ~ 'c') }}", "takes more than");
  expect_refused("{{ ('a' * 10 ** 7).strip('b' * 10 ** 6 ~ 'a') }}", "takes more than");
  expect_refused("{{ range(99999) | map('string') | list | unique | list | length }}", "takes more than");
  expect_refused("{{ 9223372036854775807 + 1 }}", "does not fit into 64 bits");
  expect_refused("{{ 99999999999999999999 }}", "too large");
  EXPECT_LT(static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC, 60);
}

TEST(ChatTemplate, DeepSyntaxIsRefused) {
  const auto repeated = [](const char* text, int times) {
    std::string made;
    for (int i = 0; i < times; ++i) made += text;
    return made;
  };
  const int many = 50'000;
  for (const char* text : {"(", "[", "{1:", "not ", "-", "x[", "x(", "x is x(", "1 if 1 else ", "x|join("})
    EXPECT_NE(refusal("{{ " + repeated(text, many)), "") << text;
  for (const char* text : {" + 1", ".x", "[1]", "()", "|list", " if 1", " and 1", "(1)"})
    EXPECT_NE(refusal("{{ x" + repeated(text, many) + " }}"), "") << text;
  expect_refused(repeated("{% if 1 %}", many), "blocks are nested deeper than 50");
  expect_refused(repeated("{% for x in y %}", many), "blocks are nested deeper than 50");
  expect_refused("{% set " + repeated("(", many) + repeated(")", many) + "%}", "nested deeper");
  expect_refused(std::string(2 << 20, 'x'), "longer than 1.0 MiB");
  EXPECT_EQ(rendered(repeated("{% if 1 %}x{% endif %}", 2000)).size(), 2000u);
  EXPECT_NE(refusal("{% raw %}" + repeated("{%", many)), "");
  EXPECT_NE(refusal(repeated("{#", many)), "");
}

TEST(ChatTemplate, ConversationsAreCheckedAndPrepared) {
  const auto render = [](const char* text, const char* messages) {
    return ChatTemplate::parse(text, "t").render({.messages = ordered_json::parse(messages)});
  };
  EXPECT_THROW(render("x", "[]"), Error);
  EXPECT_THROW(render("x", "{}"), Error);
  EXPECT_THROW(render("x", "[1]"), Error);
  EXPECT_EQ(render("{{ messages }}{{ tools }}{{ documents }}{{ add_generation_prompt }}",
                   R"([{"role": null, "content": ""}])"),
            "[{'content': ''}]NoneNoneFalse");
  EXPECT_EQ(render("{{ messages }}", R"([{"reasoning": "r", "x": 1}])"),
            "[{'thinking': 'r', 'reasoning': 'r', 'x': 1, 'reasoning_content': 'r'}]");
}

TEST(ChatTemplate, WithoutAClockThereIsNoDate) {
  const auto chat_template = ChatTemplate::parse(
      "{% if strftime_now is defined %}{{ strftime_now('%Y') }}{% else %}26 Jul 2024{% endif %}", "t");
  Conversation conversation = conversation_with(ordered_json::object());
  EXPECT_EQ(chat_template.render(conversation).substr(0, 2), "20");
  conversation.with_clock = false;
  EXPECT_EQ(chat_template.render(conversation), "26 Jul 2024");
}

TEST(ChatTemplate, AGivenDateIsTodayEverywhere) {
  Conversation conversation = conversation_with(ordered_json::object());
  conversation.with_clock = false;
  conversation.date = "2026-11-30";
  const auto rendered = [&](const std::string& text) { return ChatTemplate::parse(text, "t").render(conversation); };
  EXPECT_EQ(rendered("{{ strftime_now('%d %B %Y, %A, day %j') }}"), "30 November 2026, Monday, day 334");
  EXPECT_EQ(rendered("{% if not date_string is defined %}26 Jul 2024{% else %}{{ date_string }}{% endif %}"),
            "30 Nov 2026");
  conversation.date = "2026-30-11";
  EXPECT_THROW(rendered("x"), Error);
}

TEST(ModelTemplate, IsReadFromTheFolder) {
  const tests::TemporaryFolder made;
  const std::filesystem::path& folder = made.path();
  const Conversation plain{.messages = {{{"role", "user"}}}};
  Conversation with_tools = plain;
  with_tools.tools = ordered_json::array();
  EXPECT_THROW(ChatTemplate::read(folder), Error);
  base::write_file(
      folder / "tokenizer_config.json",
      R"({"bos_token": {"content": "<s>"}, "eos_token": "</s>", "pad_token": null, "chat_template": "{{ bos_token }}{{ eos_token }}{{ pad_token }}"})");
  EXPECT_EQ(ChatTemplate::read(folder).render(plain), "<s></s>");
  base::write_file(folder / "special_tokens_map.json", R"({"pad_token": "<pad>", "bos_token": "other"})");
  EXPECT_EQ(ChatTemplate::read(folder).render(plain), "<s></s><pad>");
  base::write_file(folder / "chat_template.jinja", "own file {{ bos_token }}");
  EXPECT_EQ(ChatTemplate::read(folder).render(plain), "own file <s>");
  std::filesystem::remove(folder / "chat_template.jinja");
  base::write_file(
      folder / "tokenizer_config.json",
      R"({"chat_template": [{"name": "default", "template": "plain"}, {"name": "tool_use", "template": "tools"}]})");
  EXPECT_EQ(ChatTemplate::read(folder).render(plain), "plain");
  EXPECT_EQ(ChatTemplate::read(folder).render(with_tools), "tools");
  base::write_file(folder / "tokenizer_config.json", R"({"chat_template": [{"name": "rag", "template": "x"}]})");
  EXPECT_THROW(ChatTemplate::read(folder), Error);
  base::write_file(folder / "tokenizer_config.json", "{\"chat_template\": \"\n{{\"");
  try {
    ChatTemplate::read(folder);
    FAIL() << "no throw";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("tokenizer_config.json"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace muster::chat
