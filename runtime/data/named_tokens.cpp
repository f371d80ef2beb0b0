// Special and added tokens of a folder, merged as transformers merges them: otherwise a token that another reader knows
// would be cut into pieces here.
#include "runtime/data/named_tokens.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <nlohmann/json.hpp>

#include "runtime/base/error.h"
#include "runtime/base/files.h"
#include "runtime/base/json_text.h"
#include "runtime/base/text.h"

namespace muster::data {
namespace {

namespace fs = std::filesystem;
using base::text;
using nlohmann::ordered_json;

constexpr std::array kNames{"bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"};
constexpr std::uintmax_t kLargestFileBytes = 64 << 20;
constexpr const char* kFetchAgain = "fetch the model folder anew";

/// The object in the file; an empty one where there is no file.
ordered_json read_object(const fs::path& path) {
  if (!base::is_there(path)) return ordered_json::object();
  std::error_code unknown;  // is for read_regular_file to report
  if (const auto size = fs::file_size(path, unknown); !unknown && size > kLargestFileBytes)
    throw Error::user({.what = text("the file has ", base::bytes_text(static_cast<std::int64_t>(size))),
                       .where = path.string(),
                       .fix = text("at most ", base::bytes_text(kLargestFileBytes), " are read")});
  const std::string content = base::with_quoted_non_finite(base::read_regular_file(path));
  if (!base::parse_json(content, path.string(), kFetchAgain).is_object())
    throw Error::user({.what = "not a JSON object", .where = path.string(), .fix = kFetchAgain});
  return ordered_json::parse(content);  // once more, for the order of its keys
}

/// Text is a special token without further flags; an object names its flags. is_special: also where the object does not
/// say so.
AddedToken token_of(const ordered_json& value, const std::string& where, bool is_special) {
  AddedToken token{.special = true};
  if (value.is_string()) {
    token.content = value.get<std::string>();
    return token;
  }
  const auto flag = [&](const char* key, bool otherwise) {
    const auto found = value.find(key);
    if (found == value.end() || found->is_null()) return otherwise;
    if (!found->is_boolean())
      throw Error::user(
          {.what = text("'", key, "' of a token is ", found->dump()), .where = where, .fix = kFetchAgain});
    return found->get<bool>();
  };
  if (!value.is_object() || !value.contains("content") || !value["content"].is_string())
    throw Error::user(
        {.what = "a token is neither text nor an object with \"content\"", .where = where, .fix = kFetchAgain});
  token.content = value["content"].get<std::string>();
  token.special = is_special || flag("special", false);
  token.lstrip = flag("lstrip", false);
  token.rstrip = flag("rstrip", false);
  token.single_word = flag("single_word", false);
  token.normalized = flag("normalized", !token.special);
  return token;
}

void add(std::vector<AddedToken>& tokens, AddedToken token) {
  const bool is_known = std::any_of(tokens.begin(), tokens.end(),
                                    [&](const AddedToken& other) { return other.content == token.content; });
  if (!token.content.empty() && !is_known) tokens.push_back(std::move(token));
}

std::int64_t id_of(const std::string& words, const std::string& where) {
  std::int64_t id = 0;
  const auto [end, code] = std::from_chars(words.data(), words.data() + words.size(), id);
  if (code != std::errc() || end != words.data() + words.size() || id < 0)
    throw Error::user({.what = text("'", words, "' is no token id"), .where = where, .fix = kFetchAgain});
  return id;
}

/// bos_token and its like, whatever other key ends in _token, then the extra ones.
std::vector<AddedToken> special_tokens(const ordered_json& config, const std::string& file) {
  std::vector<AddedToken> tokens;
  const auto take = [&](const ordered_json& value, const std::string& key) {
    if (value.is_string() || value.is_object()) add(tokens, token_of(value, file + ": " + key, true));
  };
  for (const char* name : kNames)
    if (config.contains(name)) take(config[name], name);
  const char* extra = config.contains("extra_special_tokens") ? "extra_special_tokens" : "additional_special_tokens";
  const ordered_json extras = config.contains(extra) ? config[extra] : ordered_json();
  if (extras.is_object())
    for (const auto& [key, value] : extras.items()) take(value, key);
  for (const auto& [key, value] : config.items())
    if (key.ends_with("_token") && std::find(kNames.begin(), kNames.end(), key) == kNames.end()) take(value, key);
  if (extras.is_array())
    for (const ordered_json& value : extras) take(value, extra);
  return tokens;
}

std::vector<AddedToken> tokens_by_id(const std::map<std::int64_t, AddedToken>& by_id) {
  std::vector<AddedToken> tokens;
  for (const auto& [id, token] : by_id) add(tokens, token);
  return tokens;
}

/// added_tokens_decoder of tokenizer_config.json.
std::vector<AddedToken> declared_tokens(const ordered_json& decoder, const std::string& where) {
  if (!decoder.is_object()) throw Error::user({.what = "not an object", .where = where, .fix = kFetchAgain});
  std::map<std::int64_t, AddedToken> by_id;
  for (const auto& [id, value] : decoder.items()) by_id[id_of(id, where)] = token_of(value, where, false);
  return tokens_by_id(by_id);
}

/// added_tokens.json of older folders: {"<x>": 905}. They are special where they are named so.
std::vector<AddedToken> legacy_tokens(const fs::path& path, const std::vector<AddedToken>& special) {
  std::map<std::int64_t, AddedToken> by_id;
  const ordered_json tokens = read_object(path);
  for (const auto& [content, id] : tokens.items()) {
    const bool is_special =
        std::any_of(special.begin(), special.end(), [&](const AddedToken& token) { return token.content == content; });
    AddedToken token{.content = content, .special = is_special, .normalized = !is_special};
    by_id[id_of(id.dump(), path.string())] = std::move(token);
  }
  return tokens_by_id(by_id);
}

bool have_equal_flags(const AddedToken& a, const AddedToken& b) {
  return a.special == b.special && a.lstrip == b.lstrip && a.rstrip == b.rstrip && a.single_word == b.single_word &&
         a.normalized == b.normalized;
}

}  // namespace

NamedTokens read_named_tokens(const fs::path& folder) {
  const fs::path config_path = folder / "tokenizer_config.json";
  ordered_json config = read_object(config_path);
  const bool has_decoder = config.contains("added_tokens_decoder");
  if (!has_decoder) {
    const ordered_json map = read_object(folder / "special_tokens_map.json");
    for (const auto& [key, value] : map.items()) config[key] = value;
  }
  NamedTokens named{.special = special_tokens(config, config_path.string())};
  named.declared =
      has_decoder ? declared_tokens(config["added_tokens_decoder"], config_path.string() + ": added_tokens_decoder")
                  : legacy_tokens(folder / "added_tokens.json", named.special);
  if (config.contains("eos_token") && !config["eos_token"].is_null())
    named.end_token = token_of(config["eos_token"], config_path.string() + ": eos_token", true).content;
  return named;
}

void merge_named_tokens(const NamedTokens& named,
                        const std::function<std::optional<std::int32_t>(std::string_view)>& model_id,
                        std::int64_t model_size, std::vector<AddedToken>& tokens) {
  const auto find = [&](const std::string& content) {
    return std::find_if(tokens.begin(), tokens.end(),
                        [&](const AddedToken& token) { return token.content == content; });
  };
  const auto add_new = [&](AddedToken token) {
    std::int64_t next = model_size;
    for (const AddedToken& other : tokens) next = std::max(next, std::int64_t{other.id} + 1);
    token.id = model_id(token.content).value_or(static_cast<std::int32_t>(next));
    tokens.push_back(std::move(token));
  };
  const auto is_named = [&](const AddedToken& token) {
    return std::any_of(named.special.begin(), named.special.end(),
                       [&](const AddedToken& other) { return other.content == token.content; });
  };
  for (AddedToken token : named.declared) {
    const auto known = find(token.content);
    if (known != tokens.end() && have_equal_flags(*known, token)) continue;
    token.special = token.special || is_named(token);
    if (known == tokens.end()) {
      add_new(std::move(token));
    } else {
      token.special = token.special || known->special;
      token.id = known->id;
      *known = std::move(token);
    }
  }
  for (const AddedToken& token : named.special)
    if (find(token.content) == tokens.end()) add_new(token);
}

}  // namespace muster::data
