// The prompt of a row through a chat template: a question as a user's turn, or the turns that the row holds.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "runtime/chat/chat_template.h"
#include "runtime/spec/job.h"

namespace muster::data {

/// May be used by several threads at once.
class ChatPrompt {
 public:
  /// `model`: the folder whose template it is where data.chat_template = "model". A question is tried once, so that a
  /// template's own fault is not found row by row. throws: Error::user naming the template: it fails, it shows no
  /// question, or it asks for a date that data.template_date does not give.
  ChatPrompt(const spec::DataJob& data, const std::filesystem::path& model);

  /// throws: Error::user (the template refuses it).
  std::string of_question(const std::string& question) const;
  /// `turns`: [{"role", "content"}, ...], given as they are. throws: Error::user (no such list, the last turn is an
  /// answer already, the template refuses it).
  std::string of_turns(const nlohmann::ordered_json& turns) const;

 private:
  chat::Conversation conversation() const;
  std::string render(const chat::Conversation& conversation) const;
  void try_question();

  chat::ChatTemplate template_;
  std::string system_, date_;
  spec::Switch thinking_;
  bool content_as_parts_ = false;  // [{"type": "text", "text": ...}], for templates that know nothing else
};

}  // namespace muster::data
