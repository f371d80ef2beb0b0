#include "runtime/node/verb_rows.h"

#include <algorithm>
#include <optional>

#include "runtime/base/error.h"
#include "runtime/base/files.h"
#include "runtime/base/json_filter.h"
#include "runtime/base/text.h"
#include "runtime/chat/chat_template.h"
#include "runtime/data/tokenizer.h"

namespace muster::node {
namespace {

using nlohmann::ordered_json;

constexpr std::size_t kShownFaults = 20;

[[noreturn]] void refuse(const std::string& what, const std::string& fix = "") {
  throw Error::user({.what = what, .where = "", .fix = fix});
}

std::vector<std::int32_t> tokens_of(const ordered_json& value, std::int64_t vocab_size) {
  if (!value.is_array()) refuse("\"tokens\" is no list of token ids");
  std::vector<std::int32_t> tokens;
  tokens.reserve(value.size());
  for (const ordered_json& token : value) {
    if (!token.is_number_integer() || token.get<std::int64_t>() < 0 || token.get<std::int64_t>() >= vocab_size)
      refuse(base::text("\"tokens\" holds ", token.is_number() ? token.dump() : token.type_name(),
                        ", but token ids are 0 to ", vocab_size - 1));
    tokens.push_back(token.get<std::int32_t>());
  }
  return tokens;
}

/// Rows are read one after the other; the chat template when the first row asks for it.
class RowParser {
 public:
  explicit RowParser(const VerbRules& rules) : rules_(rules) {}

  VerbRow parse(const std::string& line) {
    const ordered_json object = base::parse_json_object(line);
    if (!object.contains("id")) refuse("\"id\" is missing");
    VerbRow row{.id = object["id"]};
    if (!row.id.is_string() && !row.id.is_number_integer()) refuse("\"id\" is neither text nor a whole number");
    if (object.contains("tokens")) {
      row.tokens = tokens_of(object["tokens"], rules_.vocab_size);
    } else if (rules_.tokenizer != nullptr && object.contains("text")) {
      if (!object["text"].is_string()) refuse("\"text\" is no text");
      row.tokens = rules_.tokenizer->encode(object["text"].get_ref<const std::string&>(), true);
    } else if (rules_.tokenizer != nullptr && object.contains("messages")) {
      if (!chat_) chat_ = chat::ChatTemplate::read(rules_.model);
      row.tokens = rules_.tokenizer->encode(
          chat_->render({.messages = object["messages"], .add_generation_prompt = true}), false);
    } else {
      refuse(rules_.tokenizer != nullptr ? "\"tokens\", \"text\" or \"messages\" is missing" : "\"tokens\" is missing");
    }
    const auto size = std::ssize(row.tokens);
    if (size == 0) refuse("there are no tokens", "a row needs one token at least");
    if (size > rules_.most_tokens) refuse(base::text(size, " tokens, but there is room for ", rules_.most_tokens));
    return row;
  }

 private:
  const VerbRules& rules_;
  std::optional<chat::ChatTemplate> chat_;
};

}  // namespace

std::vector<VerbRow> read_verb_rows(const std::filesystem::path& input, const VerbRules& rules) {
  const std::string content = base::read_file(input);
  RowParser parser(rules);
  std::vector<VerbRow> rows;
  base::Faults faults;
  std::int64_t number = 0;
  for (std::size_t begin = 0; begin < content.size();) {
    const std::size_t end = std::min(content.find('\n', begin), content.size());
    const std::string_view line = std::string_view(content).substr(begin, end - begin);
    begin = end + 1;
    ++number;
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    try {
      rows.push_back(parser.parse(std::string(line)));
    } catch (const Error& error) {
      const base::Fault& fault = error.faults().at(0);
      faults.add({.what = fault.where.empty() ? fault.what : fault.where + ": " + fault.what,
                  .where = base::text(input.string(), ":", number),
                  .fix = fault.fix});
      if (faults.list().size() == kShownFaults) break;
    }
  }
  if (rows.empty() && faults.empty())
    faults.add({.what = "the file holds no rows", .where = input.string(), .fix = "JSON lines: {\"id\", \"tokens\"}"});
  faults.throw_if_any();
  return rows;
}

std::string verb_rows_text(const std::vector<VerbRow>& rows) {
  std::string lines;
  for (const VerbRow& row : rows) lines += ordered_json{{"id", row.id}, {"tokens", row.tokens}}.dump() + "\n";
  return lines;
}

}  // namespace muster::node
