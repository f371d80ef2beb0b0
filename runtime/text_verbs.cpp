#include "runtime/text_verbs.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "runtime/base/error.h"
#include "runtime/base/json_filter.h"
#include "runtime/chat/chat_template.h"
#include "runtime/data/tokenizer.h"
#include "runtime/reward/grade_lines.h"
#include "runtime/verb_options.h"

namespace muster {
namespace {

using nlohmann::ordered_json;

const ordered_json& member(const ordered_json& object, const char* key, ordered_json::value_t type, const char* kind) {
  const auto found = object.find(key);
  if (found == object.end()) throw Error::user({.what = base::text("key '", key, "' is missing")});
  if (found->type() != type)
    throw Error::user({.what = base::text("'", key, "' has to be ", kind, ", not ", found->type_name())});
  return *found;
}

std::vector<std::int32_t> token_ids(const ordered_json& object) {
  std::vector<std::int32_t> ids;
  for (const ordered_json& id : member(object, "tokens", ordered_json::value_t::array, "an array of token ids")) {
    if (!id.is_number_unsigned() || id.get<std::uint64_t>() > INT32_MAX)
      throw Error::user({.what = base::text("'tokens' holds ", id.dump().substr(0, 40), ", which is no token id")});
    ids.push_back(id.get<std::int32_t>());
  }
  return ids;
}

chat::Conversation conversation_of(const ordered_json& object) {
  chat::Conversation made;
  made.messages = member(object, "messages", ordered_json::value_t::array, "an array of messages");
  for (const auto& [key, value] : object.items()) {
    if (key == "tools")
      made.tools = value;
    else if (key == "documents")
      made.documents = value;
    else if (key == "add_generation_prompt")
      made.add_generation_prompt =
          member(object, "add_generation_prompt", ordered_json::value_t::boolean, "true or false");
    else if (key != "id" && key != "messages")
      made.variables[key] = value;
  }
  return made;
}

bool grades_after_thinking(const std::string& answer) {
  if (answer != "after_thinking" && answer != "all")
    throw Error::user({.what = base::text("--answer ", answer), .fix = "it is after_thinking or all"});
  return answer == "after_thinking";
}

// As a job has it, ["python3", "./grade.py"], or a line for the shell.
std::vector<std::string> command_of(const std::string& word) {
  if (base::trim(word).empty())
    throw Error::user({.what = "--command is empty", .fix = "a list as in a job: '[\"python3\", \"./grade.py\"]'"});
  if (!base::trim(word).starts_with('[')) return {"/bin/sh", "-c", word};
  const auto list = ordered_json::parse(word, nullptr, false);
  const auto is_text = [](const ordered_json& entry) { return entry.is_string(); };
  if (!list.is_array() || list.empty() || !std::all_of(list.begin(), list.end(), is_text))
    throw Error::user({.what = "--command begins like a list, but is no list of texts: " + word.substr(0, 100),
                       .fix = "as in a job: '[\"python3\", \"./grade.py\"]'"});
  return list.get<std::vector<std::string>>();
}

}  // namespace

int tokenize(const std::vector<std::string>& words) {
  const VerbOptions options(words, {"model", "input", "output"});
  const auto tokenizer = data::Tokenizer::read(options.at("model"));
  base::filter_json_lines(options.at("input"), options.at("output"), [&](const ordered_json& object) {
    const auto& text = member(object, "text", ordered_json::value_t::string, "text").get_ref<const std::string&>();
    return ordered_json{{"tokens", tokenizer.encode(text, true)}};
  });
  return 0;
}

int detokenize(const std::vector<std::string>& words) {
  const VerbOptions options(words, {"model", "input", "output"});
  const auto tokenizer = data::Tokenizer::read(options.at("model"));
  base::filter_json_lines(options.at("input"), options.at("output"), [&](const ordered_json& object) {
    return ordered_json{{"text", tokenizer.decode(token_ids(object), false)}};
  });
  return 0;
}

int render(const std::vector<std::string>& words) {
  const VerbOptions options(words, {"model", "input", "output"});
  const auto chat_template = chat::ChatTemplate::read(options.at("model"));
  base::filter_json_lines(options.at("input"), options.at("output"), [&](const ordered_json& object) {
    return ordered_json{{"text", chat_template.render(conversation_of(object))}};
  });
  return 0;
}

int grade(const std::vector<std::string>& words) {
  const VerbOptions options(words, {"kind", "input", "output", "timeout-s", "max-memory-gb", "pattern", "command",
                                    "answer", "thinking-tags"});
  reward::WorkerLimits limits;
  reward::GradeSettings settings;
  if (options.has("pattern")) settings.pattern = options.at("pattern");
  if (options.has("command")) settings.command = command_of(options.at("command"));
  if (options.has("answer")) settings.after_thinking = grades_after_thinking(options.at("answer"));
  if (options.has("thinking-tags")) settings.thinking_tags = base::split(options.at("thinking-tags"), ',');
  if (options.has("timeout-s")) limits.timeout_s = options.number<double>("timeout-s");
  if (options.has("max-memory-gb")) limits.max_memory_gb = options.number<double>("max-memory-gb");
  reward::grade_lines(options.at("kind"), options.at("input"), options.at("output"), limits, settings);
  return 0;
}

}  // namespace muster
