// One row of a source becomes a prompt: JSON, the templates, the chat template, the tokenizer. The same code for the
// index, which knows the length of every prompt, and for the ranks, which make the prompts that they draw.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "runtime/data/chat_prompt.h"
#include "runtime/data/prompt_template.h"
#include "runtime/data/schemas.h"
#include "runtime/spec/job.h"

namespace muster::data {

class Tokenizer;

struct Prompt {
  std::int64_t row = 0;  // over all sources, from 0, blank lines not counted
  std::vector<std::int32_t> tokens;
  std::string text, gold;
  std::string json;  // the row as it stands in the source
};

class RowReader {
 public:
  /// Borrows the tokenizer. `model`: the folder whose chat template it is, where data.chat_template asks for it.
  /// throws: Error::user (a template that does not close, an unknown schema, a model without a chat template, one that
  /// no prompt can be made with).
  RowReader(const spec::DataJob& data, const spec::DataSource& source, const Tokenizer& tokenizer,
            const std::filesystem::path& model = {});

  /// A chat template is encoded without the post-processor's tokens: it is literal. `row` of the prompt is left to the
  /// caller. throws: Error::user without a place (no JSON or nested too deep, no object, a field missing or neither
  /// text nor number, an empty prompt).
  Prompt read(std::string line) const;
  /// As read, without the tokens.
  Prompt render(std::string line) const;
  /// The fields of a row that are needed, by name or path.
  std::vector<std::string> fields() const;
  /// Does a row have a gold answer? False where the template of it names no field.
  bool has_gold() const { return !answer_.fields().empty(); }

 private:
  const Tokenizer& tokenizer_;
  FieldNames fields_;
  PromptTemplate prompt_, answer_;
  std::optional<ChatPrompt> chat_;
  std::string messages_field_;
};

}  // namespace muster::data
