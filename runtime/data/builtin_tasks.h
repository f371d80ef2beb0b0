// The built-in tasks, so that a run needs no data set: ordinary JSONL rows, made instead of read; and the tiny
// tokenizer of one.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "runtime/data/tokenizer.h"

namespace muster::data {

/// "sums": {"a":3,"b":4,"answer":"7"}, all 81 pairs of 1..9. "reverse-digits": {"digits":"1234","answer":"4321"}, all
/// 10,000. "letters": {"letters":"qzk...","answer":""}, 10,000 rows of 100 random letters, for synthetic runs.
struct BuiltinTask {
  std::string_view name;
  std::int64_t num_rows;
  std::string (*row)(std::int64_t index);  // one line of JSON, without its newline
};

std::span<const BuiltinTask> builtin_tasks();
/// throws: Error::user with the known names. `where` is the key that asked.
const BuiltinTask& builtin_task(std::string_view name, const std::string& where);
/// The rows as a JSONL file. throws: Error::user.
void write_builtin_task(std::string_view name, const std::filesystem::path& path);

/// tokenizer.json of reverse-digits: digits are tokens 0-9, 10 <bos>, 11 "=", 12 <eos>, 13 <pad>; byte-level BPE
/// without merges.
void write_digits_tokenizer(const std::filesystem::path& folder);

/// Each byte one token, 0..255: for a model that is known by its sizes alone.
Tokenizer byte_tokenizer();

}  // namespace muster::data
