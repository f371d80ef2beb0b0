#include "runtime/data/builtin_tasks.h"

#include <array>
#include <nlohmann/json.hpp>
#include <vector>

#include "runtime/base/error.h"
#include "runtime/base/files.h"
#include "runtime/base/random.h"
#include "runtime/base/text.h"
#include "runtime/data/byte_level.h"

namespace muster::data {
namespace {

using nlohmann::ordered_json;

std::string sums_row(std::int64_t index) {
  const std::int64_t a = index / 9 + 1, b = index % 9 + 1;
  return ordered_json{{"a", a}, {"b", b}, {"answer", std::to_string(a + b)}}.dump();
}

std::string reverse_digits_row(std::int64_t index) {
  std::string digits = std::to_string(10'000 + index).substr(1);
  return ordered_json{{"digits", digits}, {"answer", std::string(digits.rbegin(), digits.rend())}}.dump();
}

std::string letters_row(std::int64_t index) {
  const base::RandomKey key(0, base::Purpose::synthetic, static_cast<std::uint64_t>(index));
  std::string letters;
  for (std::uint64_t i = 0; i < 100; ++i) letters += static_cast<char>('a' + key.at(i)[0] % 26);
  return ordered_json{{"letters", letters}, {"answer", ""}}.dump();
}

constexpr std::array kTasks = {BuiltinTask{"sums", 81, sums_row},
                               BuiltinTask{"reverse-digits", 10'000, reverse_digits_row},
                               BuiltinTask{"letters", 10'000, letters_row}};

/// tokenizer.json of byte-level BPE without merges.
ordered_json byte_level_tokenizer(const ordered_json& vocabulary, const ordered_json& added) {
  const auto byte_level = [](bool prefix_space, bool use_regex) {
    return ordered_json{
        {"type", "ByteLevel"}, {"add_prefix_space", prefix_space}, {"trim_offsets", true}, {"use_regex", use_regex}};
  };
  const ordered_json model = {{"type", "BPE"},
                              {"dropout", nullptr},
                              {"unk_token", nullptr},
                              {"continuing_subword_prefix", nullptr},
                              {"end_of_word_suffix", nullptr},
                              {"fuse_unk", false},
                              {"byte_fallback", false},
                              {"ignore_merges", false},
                              {"vocab", vocabulary},
                              {"merges", ordered_json::array()}};
  return {{"version", "1.0"},
          {"truncation", nullptr},
          {"padding", nullptr},
          {"added_tokens", added},
          {"normalizer", nullptr},
          {"pre_tokenizer", byte_level(false, false)},
          {"post_processor", nullptr},
          {"decoder", byte_level(true, true)},
          {"model", model}};
}

}  // namespace

std::span<const BuiltinTask> builtin_tasks() { return kTasks; }

const BuiltinTask& builtin_task(std::string_view name, const std::string& where) {
  std::vector<std::string> names;
  for (const BuiltinTask& task : kTasks) {
    if (task.name == name) return task;
    names.emplace_back(task.name);
  }
  throw Error::user({.what = base::text("there is no built-in task '", name, "'"),
                     .where = where,
                     .fix = "built-in tasks: " + base::join(names, ", ")});
}

void write_builtin_task(std::string_view name, const std::filesystem::path& path) {
  const BuiltinTask& task = builtin_task(name, path.string());
  std::string lines;
  for (std::int64_t row = 0; row < task.num_rows; ++row) lines += task.row(row) + "\n";
  base::write_file(path, lines);
}

void write_digits_tokenizer(const std::filesystem::path& folder) {
  ordered_json vocabulary;
  for (int digit = 0; digit < 10; ++digit) vocabulary[std::to_string(digit)] = digit;
  vocabulary.update({{"<bos>", 10}, {"=", 11}, {"<eos>", 12}, {"<pad>", 13}});
  ordered_json added = ordered_json::array();
  for (const char* token : {"<bos>", "<eos>", "<pad>"})
    added.push_back({{"id", vocabulary[token]},
                     {"content", token},
                     {"single_word", false},
                     {"lstrip", false},
                     {"rstrip", false},
                     {"normalized", false},
                     {"special", true}});
  base::make_folder(folder);
  base::write_file(folder / "tokenizer.json", byte_level_tokenizer(vocabulary, added).dump(1) + "\n");
}

Tokenizer byte_tokenizer() {
  ordered_json vocabulary;
  int byte = 0;
  for (const std::string& character : byte_level_alphabet()) vocabulary[character] = byte++;
  return Tokenizer::parse(byte_level_tokenizer(vocabulary, ordered_json::array()).dump(), "the tokenizer of bytes");
}

}  // namespace muster::data
