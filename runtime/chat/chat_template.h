// The chat template of a model: a conversation becomes the text that the model was trained on. Renders what
// transformers' apply_chat_template(..., tokenize=False) does; the language is described in parser.h.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

namespace muster::chat {

struct Conversation {
  nlohmann::ordered_json messages;  // [{"role", "content", ...}, ...]; members that are null are left out
  nlohmann::ordered_json tools, documents;
  bool add_generation_prompt = false;
  nlohmann::ordered_json variables = nlohmann::ordered_json::object();  // what else the template may ask for
  /// Off: there is no strftime_now but for `date`, and a template falls back to the date that it names: what is
  /// rendered has to be the same on every rank, and tomorrow.
  bool with_clock = true;
  /// YYYY-MM-DD, the day of strftime_now (at noon) and of Llama's variable date_string ("30 Nov 2026"); empty: today,
  /// or none.
  std::string date = {};
};

/// May be used by several threads at once.
class ChatTemplate {
 public:
  /// `where` names the template in errors. throws: Error::user at "where:line".
  static ChatTemplate parse(const std::string& text, const std::string& where);
  /// From a model folder: chat_template.jinja, else chat_template of tokenizer_config.json (a text, or several with
  /// names: "tool_use" where tools are given, "default" elsewhere); with its special tokens (bos_token ...).
  /// throws: Error::user, also when the model has none.
  static ChatTemplate read(const std::filesystem::path& folder);
  ChatTemplate(ChatTemplate&&) noexcept;
  ChatTemplate& operator=(ChatTemplate&&) noexcept;
  ~ChatTemplate();

  /// throws: Error::user (the conversation is empty, the template refuses it, takes too long or too much memory).
  std::string render(const Conversation& conversation) const;

 private:
  struct State;
  explicit ChatTemplate(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace muster::chat
