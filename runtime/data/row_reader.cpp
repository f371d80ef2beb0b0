#include "runtime/data/row_reader.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "runtime/base/error.h"
#include "runtime/base/text.h"
#include "runtime/data/field_path.h"
#include "runtime/data/row_json.h"
#include "runtime/data/tokenizer.h"

namespace muster::data {
namespace {

nlohmann::ordered_json turns_of(const std::string& line, const std::string& field) {
  const auto row =
      nlohmann::ordered_json::parse(line);  // read once already; a template may show members in their order
  const nlohmann::ordered_json* turns = find_field(row, field);
  if (turns == nullptr) throw Error::user({.what = missing_field_text(row, field)});
  if (!turns->is_array())
    throw Error::user({.what = base::text("field '", field, "' is no list of chat turns but ", turns->type_name())});
  return *turns;
}

}  // namespace

RowReader::RowReader(const spec::DataJob& data, const spec::DataSource& source, const Tokenizer& tokenizer,
                     const std::filesystem::path& model)
    : tokenizer_(tokenizer),
      fields_(field_names(source)),
      prompt_(PromptTemplate::parse(data.prompt, "data.prompt")),
      answer_(PromptTemplate::parse(data.answer, "data.answer")),
      messages_field_(data.messages_field) {
  if (!data.chat_template.empty()) chat_.emplace(data, model);
  for (PromptTemplate* each : {&prompt_, &answer_}) {
    each->rename("prompt", fields_.prompt);
    each->rename("answer", fields_.answer);
  }
}

Prompt RowReader::render(std::string line) const {
  const nlohmann::json row = parse_row(line);
  Prompt made{.gold = answer_.filled(row)};
  if (messages_field_.empty()) {
    made.text = prompt_.filled(row);
    if (made.text.empty()) throw Error::user({.what = "the prompt is empty"});
    if (chat_) made.text = chat_->of_question(made.text);
  } else if (chat_) {
    made.text = chat_->of_turns(turns_of(line, messages_field_));
  }
  if (made.text.empty()) throw Error::user({.what = "the prompt is empty"});
  made.json = std::move(line);
  return made;
}

Prompt RowReader::read(std::string line) const {
  Prompt made = render(std::move(line));
  made.tokens = chat_ ? tokenizer_.encode(made.text, false) : tokenizer_.encode_prompt(made.text);
  if (made.tokens.empty()) throw Error::user({.what = "the prompt is empty"});
  return made;
}

std::vector<std::string> RowReader::fields() const {
  std::vector<std::string> fields;
  const auto add = [&](const std::string& field) {
    if (std::find(fields.begin(), fields.end(), field) == fields.end()) fields.push_back(field);
  };
  if (messages_field_.empty())
    for (const std::string& field : prompt_.fields()) add(field);
  else
    add(messages_field_);
  for (const std::string& field : answer_.fields()) add(field);
  return fields;
}

}  // namespace muster::data
