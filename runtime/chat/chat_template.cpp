#include "runtime/chat/chat_template.h"

#include <ctime>
#include <optional>

#include "runtime/base/error.h"
#include "runtime/base/files.h"
#include "runtime/base/json_filter.h"
#include "runtime/base/text.h"
#include "runtime/chat/parser.h"
#include "runtime/chat/rendering.h"

namespace muster::chat {
namespace {

using nlohmann::ordered_json;

struct Parsed {
  std::string where;
  Body body;
};

constexpr const char* kSpecialTokens[] = {"bos_token", "eos_token", "unk_token", "sep_token",
                                          "pad_token", "cls_token", "mask_token"};
constexpr std::uintmax_t kLargestFileBytes = 64 << 20;

// As transformers prepares them: null members go; reasoning is known under the names of several families.
ordered_json prepared_message(const ordered_json& message) {
  if (!message.is_object())
    throw Error::user({.what = base::text("a message is an object, not ", message.type_name())});
  ordered_json made = ordered_json::object();
  const ordered_json* reasoning = nullptr;
  for (const char* name : {"reasoning_content", "thinking", "reasoning"})
    if (const auto found = message.find(name); !reasoning && found != message.end() && !found->is_null())
      reasoning = &*found;
  if (reasoning) made["thinking"] = *reasoning;
  for (const auto& [key, value] : message.items())
    if (!value.is_null()) made[key] = value;
  if (reasoning) made["reasoning_content"] = *reasoning;
  return made;
}

ordered_json prepared_messages(const ordered_json& messages) {
  if (!messages.is_array() || messages.empty())
    throw Error::user({.what = "'messages' has to be an array of at least one message"});
  ordered_json made = ordered_json::array();
  for (const ordered_json& message : messages) made.push_back(prepared_message(message));
  return made;
}

std::optional<ordered_json> read_object(const std::filesystem::path& path) {
  std::error_code missing;
  const auto size = std::filesystem::file_size(path, missing);
  if (missing) return std::nullopt;
  try {
    if (size > kLargestFileBytes)
      throw Error::user({.what = "the file has " + base::bytes_text(static_cast<std::int64_t>(size))});
    return base::parse_json_object(base::read_file(path));
  } catch (const Error& error) {
    if (!error.faults()[0].where.empty()) throw;
    throw Error::user({.what = error.faults()[0].what, .where = path.string()});
  }
}

// "<s>", or an object that holds it as "content".
std::optional<std::string> token_text(const ordered_json& token) {
  if (token.is_string()) return token.get<std::string>();
  if (token.is_object() && token.contains("content") && token["content"].is_string())
    return token["content"].get<std::string>();
  return std::nullopt;
}

Parsed parsed(const std::string& text, const std::string& where) { return {where, parse_template(text, where)}; }

/// The moment that a template may ask for.
std::optional<std::tm> moment_of(const Conversation& conversation) {
  std::tm parts{};
  if (!conversation.date.empty()) {
    const std::string noon = conversation.date + " 12:00:00";
    const char* end = ::strptime(noon.c_str(), "%Y-%m-%d %H:%M:%S", &parts);
    if (end == nullptr || *end != '\0')
      throw Error::user({.what = "'" + conversation.date + "' is no date", .fix = "write it as YYYY-MM-DD"});
    return parts;
  }
  if (!conversation.with_clock) return std::nullopt;
  const std::time_t now = std::time(nullptr);
  ::localtime_r(&now, &parts);
  return parts;
}

std::string date_string(const std::tm& day) {
  char text[64];
  return {text, std::strftime(text, sizeof text, "%d %b %Y", &day)};
}

}  // namespace

struct ChatTemplate::State {
  std::optional<Parsed> plain, with_tools;
  ordered_json special_tokens = ordered_json::object();

  void read_named(const ordered_json& named, const std::string& where) {
    for (const ordered_json& entry : named) {
      if (!entry.is_object() || !entry.contains("name") || !entry.contains("template") ||
          !entry["template"].is_string())
        throw Error::user({.what = "chat_template holds an entry without name and template", .where = where});
      const auto text = entry["template"].get<std::string>();
      if (entry["name"] == "default") plain = parsed(text, where + ": chat_template default");
      if (entry["name"] == "tool_use") with_tools = parsed(text, where + ": chat_template tool_use");
    }
    if (!plain) throw Error::user({.what = "no chat template is named 'default'", .where = where});
  }
};

ChatTemplate::ChatTemplate(std::unique_ptr<State> state) : state_(std::move(state)) {}
ChatTemplate::ChatTemplate(ChatTemplate&&) noexcept = default;
ChatTemplate& ChatTemplate::operator=(ChatTemplate&&) noexcept = default;
ChatTemplate::~ChatTemplate() = default;

ChatTemplate ChatTemplate::parse(const std::string& text, const std::string& where) {
  auto state = std::make_unique<State>();
  state->plain = parsed(text, where);
  return ChatTemplate(std::move(state));
}

ChatTemplate ChatTemplate::read(const std::filesystem::path& folder) {
  auto state = std::make_unique<State>();
  const std::filesystem::path config_path = folder / "tokenizer_config.json";
  const auto config = read_object(config_path).value_or(ordered_json::object());
  const auto map = read_object(folder / "special_tokens_map.json").value_or(ordered_json::object());
  for (const char* name : kSpecialTokens)
    for (const ordered_json* source : {&config, &map})
      if (const auto found = source->find(name); found != source->end() && !state->special_tokens.contains(name))
        if (const auto text = token_text(*found)) state->special_tokens[name] = *text;
  const std::filesystem::path file = folder / "chat_template.jinja";
  const auto own = config.find("chat_template");
  if (std::filesystem::exists(file)) {
    state->plain = parsed(base::read_file(file), file.string());
  } else if (own != config.end() && own->is_string()) {
    state->plain = parsed(own->get<std::string>(), config_path.string() + ": chat_template");
  } else if (own != config.end() && own->is_array()) {
    state->read_named(*own, config_path.string());
  } else {
    throw Error::user({.what = "the model has no chat template",
                       .where = folder.string(),
                       .fix = "it is chat_template.jinja, or the key chat_template of tokenizer_config.json"});
  }
  return ChatTemplate(std::move(state));
}

std::string ChatTemplate::render(const Conversation& conversation) const {
  const bool has_tools = !conversation.tools.is_null();
  const Parsed& parsed = has_tools && state_->with_tools ? *state_->with_tools : *state_->plain;
  const std::optional<std::tm> moment = moment_of(conversation);
  Rendering rendering(parsed.where, moment);
  std::vector<std::pair<std::string, Value>> variables;
  const auto put = [&](const std::string& name, const ordered_json& json) {
    variables.emplace_back(name, Value::from_json(json, rendering.budget()));
  };
  put("messages", prepared_messages(conversation.messages));
  put("tools", conversation.tools);
  put("documents", conversation.documents);
  put("add_generation_prompt", conversation.add_generation_prompt);
  if (!conversation.date.empty() && !conversation.variables.contains("date_string"))
    put("date_string", date_string(*moment));
  for (const auto& [name, value] : conversation.variables.items()) put(name, value);
  for (const auto& [name, value] : state_->special_tokens.items())
    if (!conversation.variables.contains(name)) put(name, value);
  return rendering.run(parsed.body, std::move(variables));
}

}  // namespace muster::chat
