#include "runtime/data/row_reader.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "runtime/base/error.h"
#include "runtime/base/json_text.h"
#include "runtime/base/text.h"
#include "runtime/data/tokenizer.h"

namespace muster::data {

namespace {

// source: the format that Qwen and SmolLM2 are trained on, without a default system turn.
constexpr const char* kChatml =
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";

std::optional<chat::ChatTemplate> chat_template_of(const std::string& name, const std::filesystem::path& model) {
  if (name == "model") return chat::ChatTemplate::read(model);
  if (name == "chatml") return chat::ChatTemplate::parse(kChatml, "chatml");
  INVARIANT(name.empty(), "the schema of a job knows the names of chat templates");
  return {};
}

}  // namespace

RowReader::RowReader(const spec::DataJob& data, const spec::DataSource& source, const Tokenizer& tokenizer,
                     const std::filesystem::path& model)
    : tokenizer_(tokenizer),
      fields_(field_names(source)),
      prompt_(PromptTemplate::parse(data.prompt, "data.prompt")),
      answer_(PromptTemplate::parse(data.answer, "data.answer")),
      chat_(chat_template_of(data.chat_template, model)),
      system_(data.system),
      thinking_(data.thinking) {
  for (PromptTemplate* each : {&prompt_, &answer_}) {
    each->rename("prompt", fields_.prompt);
    each->rename("answer", fields_.answer);
  }
}

std::string RowReader::in_chat(const std::string& prompt) const {
  chat::Conversation conversation{
      .messages = nlohmann::ordered_json::array(), .add_generation_prompt = true, .with_clock = false};
  if (!system_.empty()) conversation.messages.push_back({{"role", "system"}, {"content", system_}});
  conversation.messages.push_back({{"role", "user"}, {"content", prompt}});
  if (thinking_ != spec::Switch::automatic) conversation.variables["enable_thinking"] = thinking_ == spec::Switch::on;
  return chat_->render(conversation);
}

Prompt RowReader::read(std::string line) const {
  const nlohmann::json object = base::parse_json(line, "");
  if (!object.is_object()) throw Error::user({.what = base::text("the row is no object but ", object.type_name())});
  Prompt made{.text = prompt_.filled(object), .gold = answer_.filled(object), .json = std::move(line)};
  if (made.text.empty()) throw Error::user({.what = "the prompt is empty"});
  if (chat_) made.text = in_chat(made.text);
  made.tokens = tokenizer_.encode(made.text, false);
  if (made.tokens.empty()) throw Error::user({.what = "the prompt is empty"});
  return made;
}

std::vector<std::string> RowReader::columns() const {
  std::vector<std::string> columns;
  for (const PromptTemplate* each : {&prompt_, &answer_})
    for (const std::string& field : each->fields()) {
      const std::string column = field.substr(0, field.find('.'));
      if (std::find(columns.begin(), columns.end(), column) == columns.end()) columns.push_back(column);
    }
  return columns;
}

}  // namespace muster::data
