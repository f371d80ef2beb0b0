// The verbs of muster-runtime that convert text, JSON lines in and out: tokenize, detokenize, render, grade.
#pragma once

#include <string>
#include <vector>

namespace muster {

/// {"id", "text"} -> {"id", "tokens"}: special tokens written in the text are recognised, the post-processor applies.
/// `words[0]` is the verb. throws: Error::user.
int tokenize(const std::vector<std::string>& words);
/// {"id", "tokens"} -> {"id", "text"}, special tokens kept. throws: Error::user.
int detokenize(const std::vector<std::string>& words);
/// {"id", "messages"} -> {"id", "text"} by the model's chat template. "tools", "documents" and "add_generation_prompt"
/// (false unless given) are what transformers' apply_chat_template takes; every other member ("enable_thinking", ...)
/// is a variable of the template. throws: Error::user.
int render(const std::vector<std::string>& words);
/// {"id", "gold", "answer", settings} -> {"id", "reward", "outcome"}: reward/grade_lines.h. throws: Error::user.
int grade(const std::vector<std::string>& words);

}  // namespace muster
