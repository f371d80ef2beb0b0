#include "runtime/data/chat_prompt.h"

#include <ctime>

#include "runtime/base/error.h"
#include "runtime/base/text.h"

namespace muster::data {
namespace {

using nlohmann::ordered_json;

// source: the format that Qwen and SmolLM2 are trained on, without a default system turn.
constexpr const char* kChatml =
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";

/// No template writes this of itself.
constexpr const char* kQuestion = "muster asks 4711";
constexpr const char* kFix = "fix the chat template of the model, or choose another: data.chat_template = \"chatml\"";

chat::ChatTemplate template_of(const std::string& name, const std::filesystem::path& model) {
  if (name == "model") return chat::ChatTemplate::read(model);
  INVARIANT(name == "chatml", "the schema of a job knows the names of chat templates");
  return chat::ChatTemplate::parse(kChatml, "chatml");
}

std::string today() {
  const std::time_t now = std::time(nullptr);
  char text[16];
  std::tm parts{};
  return {text, std::strftime(text, sizeof text, "%Y-%m-%d", ::localtime_r(&now, &parts))};
}

void check_turns(const ordered_json& turns) {
  if (turns.empty()) throw Error::user({.what = "the list of chat turns is empty"});
  for (const ordered_json& turn : turns) {
    if (!turn.is_object() || !turn.contains("role") || !turn["role"].is_string())
      throw Error::user({.what = "a chat turn is an object with a role and a content"});
    if (!turn.contains("content") && !turn.contains("tool_calls"))
      throw Error::user({.what = "a chat turn has no content"});
  }
  if (turns.back()["role"] == "assistant")
    throw Error::user({.what = "the last chat turn is the assistant's: the answer would be in the prompt"});
}

}  // namespace

ChatPrompt::ChatPrompt(const spec::DataJob& data, const std::filesystem::path& model)
    : template_(template_of(data.chat_template, model)),
      system_(data.system),
      date_(data.template_date),
      thinking_(data.thinking) {
  try {
    try_question();
  } catch (const Error& error) {
    const base::Fault& fault = error.faults().at(0);
    if (!data.messages_field.empty() && fault.fix.empty()) return;  // its turns may be what the template wants
    const std::string where = data.chat_template == "model" ? (model / "chat template").string() : "chatml";
    throw Error::user({.what = fault.what,
                       .where = fault.where.empty() ? where : fault.where,
                       .fix = fault.fix.empty() ? kFix : fault.fix});
  }
}

void ChatPrompt::try_question() {
  std::string shown;
  std::optional<Error> failure;
  for (const bool as_parts : {false, true}) {
    content_as_parts_ = as_parts;
    try {
      if (of_question(kQuestion).find(kQuestion) != std::string::npos) return;
    } catch (const Error& error) {
      if (!failure) failure = error;
    }
  }
  content_as_parts_ = false;
  if (failure) throw *failure;
  throw Error::user({.what = "the chat template does not show what a user asks", .fix = kFix});
}

chat::Conversation ChatPrompt::conversation() const {
  chat::Conversation made{
      .messages = ordered_json::array(), .add_generation_prompt = true, .with_clock = false, .date = date_};
  if (thinking_ != spec::Switch::automatic) made.variables["enable_thinking"] = thinking_ == spec::Switch::on;
  return made;
}

std::string ChatPrompt::render(const chat::Conversation& conversation) const {
  try {
    return template_.render(conversation);
  } catch (const Error& error) {
    const base::Fault& fault = error.faults().at(0);
    if (!date_.empty() || fault.what.find("'strftime_now'") == std::string::npos) throw;
    throw Error::user({.what =
                           "the chat template asks for today's date (strftime_now), which would differ from one day to "
                           "the next: data.template_date fixes it",
                       .where = fault.where,
                       .fix = "set data.template_date = \"" + today() + "\""});
  }
}

std::string ChatPrompt::of_question(const std::string& question) const {
  chat::Conversation made = conversation();
  const auto content = [&](const std::string& text) {
    return content_as_parts_ ? ordered_json::array({{{"type", "text"}, {"text", text}}}) : ordered_json(text);
  };
  if (!system_.empty()) made.messages.push_back({{"role", "system"}, {"content", content(system_)}});
  made.messages.push_back({{"role", "user"}, {"content", content(question)}});
  return render(made);
}

std::string ChatPrompt::of_turns(const ordered_json& turns) const {
  check_turns(turns);
  chat::Conversation made = conversation();
  made.messages = turns;
  if (content_as_parts_)
    for (ordered_json& turn : made.messages)
      if (turn.contains("content") && turn["content"].is_string())
        turn["content"] = ordered_json::array({{{"type", "text"}, {"text", turn["content"]}}});
  return render(made);
}

}  // namespace muster::data
