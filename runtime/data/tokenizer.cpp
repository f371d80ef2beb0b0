#include "runtime/data/tokenizer.h"

#include <algorithm>
#include <mutex>
#include <unordered_set>

#include "runtime/base/error.h"
#include "runtime/base/files.h"
#include "runtime/base/text.h"
#include "runtime/base/utf8.h"
#include "runtime/data/added_tokens.h"
#include "runtime/data/bpe.h"
#include "runtime/data/byte_level.h"
#include "runtime/data/json_node.h"
#include "runtime/data/named_tokens.h"
#include "runtime/data/normalizer.h"
#include "runtime/data/pre_tokenizer.h"
#include "runtime/spec/model_path.h"

namespace muster::data {
namespace {

constexpr std::uintmax_t kLargestFileBytes = std::uintmax_t{1} << 28;  // twenty times the largest there is
constexpr std::int64_t kLooseIds = 1 << 16;                            // that a file may leave out anyway

}  // namespace

struct Tokenizer::State {
  Bpe bpe;
  Normalizer normalizer;
  PreTokenizer pre_tokenizer;
  AddedTokenFinder raw_added, normalized_added;  // looked for before and after the normalizer
  WordMap<std::int32_t> added_ids;
  std::unordered_set<std::int32_t> special;
  std::vector<std::string> bytes;            // of each id, as decoding writes them
  std::vector<std::int32_t> prefix, suffix;  // what the post-processor puts around
  std::optional<std::int32_t> end_token;

  struct Scratch {
    Bpe::Cache bpe;
    PreTokenizer::Words words;
    std::vector<AddedTokenFinder::Part> parts, normalized_parts;
  };
  mutable std::mutex scratch_mutex;  // guards `scratch`
  mutable Scratch scratch;

  void check_added(const JsonNode& node, const std::vector<AddedToken>& tokens) const;
  void add_tokens(const std::vector<AddedToken>& tokens);
  void read_post_processor(const JsonNode& node, int depth);
  void fill_bytes(const JsonNode& node);
  void encode(std::string_view text, Scratch& work, std::vector<std::int32_t>& ids) const;
  void encode_part(std::string_view text, Scratch& work, std::vector<std::int32_t>& ids) const;
};

namespace {

void check_decoder(const JsonNode& node, int depth = 0) {
  if (node.type() == "Sequence" && depth < 8)
    return node.at("decoders").each([&](const JsonNode& inner) { check_decoder(inner, depth + 1); });
  if (node.type() != "ByteLevel") node.refuse_type("ByteLevel");
}

}  // namespace

void Tokenizer::State::check_added(const JsonNode& node, const std::vector<AddedToken>& tokens) const {
  std::unordered_map<std::int32_t, std::string_view> owners;
  for (const auto& [token, id] : bpe.vocabulary()) owners.emplace(id, token);
  for (const AddedToken& token : tokens) {
    const auto in_model = bpe.token_id(token.content);
    if (in_model && *in_model != token.id)
      node.fail(
          base::text("'", token.content, "' is token ", token.id, " here, but ", *in_model, " in the vocabulary"));
    const auto owner = owners.find(token.id);
    if (!in_model && owner != owners.end())
      node.fail(
          base::text("'", token.content, "' has id ", token.id, ", which is '", owner->second, "' in the vocabulary"));
  }
}

void Tokenizer::State::add_tokens(const std::vector<AddedToken>& tokens) {
  for (const AddedToken& token : tokens) {
    added_ids.emplace(token.content, token.id);
    if (token.special) special.insert(token.id);
    if (token.normalized)
      normalized_added.add(token, normalizer.normalized(token.content));
    else
      raw_added.add(token, token.content);
  }
}

// ByteLevel only moves offsets, which nobody asks for here; TemplateProcessing puts tokens around a single text.
void Tokenizer::State::read_post_processor(const JsonNode& node, int depth) {
  const std::string& type = node.type();
  if (type == "ByteLevel") return;
  if (type == "Sequence" && depth < 8)
    return node.at("processors").each([&](const JsonNode& inner) { read_post_processor(inner, depth + 1); });
  if (type != "TemplateProcessing") node.refuse_type("ByteLevel, TemplateProcessing, Sequence");
  bool text_seen = false;
  node.at("single").each([&](const JsonNode& entry) {
    if (entry.has("Sequence")) {
      if (text_seen) entry.fail("the text stands twice in the template");
      text_seen = true;
      return;
    }
    const std::string& name = entry.at("SpecialToken").at("id").text();
    std::vector<std::int32_t>& side = text_seen ? suffix : prefix;
    node.at("special_tokens").at(name).at("ids").each([&](const JsonNode& id) {
      side.push_back(static_cast<std::int32_t>(id.integer(0, std::ssize(bytes) - 1)));
    });
  });
  if (!text_seen) node.at("single").fail("the template has no place for the text");
}

void Tokenizer::State::fill_bytes(const JsonNode& node) {
  std::int32_t largest = -1;
  for (const auto& [token, id] : bpe.vocabulary()) largest = std::max(largest, id);
  for (const auto& [token, id] : added_ids) largest = std::max(largest, id);
  const std::int64_t count = static_cast<std::int64_t>(bpe.vocabulary().size() + added_ids.size());
  if (largest > 4 * count + kLooseIds)
    node.fail(base::text("an id of ", largest, " with ", count, " tokens: the table of ids would be mostly empty"));
  bytes.resize(static_cast<std::size_t>(largest) + 1);
  const auto fill = [&](const std::string& token, std::int32_t id) {
    bytes[id] = byte_level_bytes(token).value_or(token);
  };
  for (const auto& [token, id] : bpe.vocabulary()) fill(token, id);
  for (const auto& [token, id] : added_ids) fill(token, id);
}

void Tokenizer::State::encode(std::string_view text, Scratch& work, std::vector<std::int32_t>& ids) const {
  work.parts.clear();
  raw_added.split(text, work.parts);
  for (const AddedTokenFinder::Part& part : work.parts) {
    if (part.id)
      ids.push_back(*part.id);
    else if (normalizer.empty())
      encode_part(part.text, work, ids);
    else
      encode_part(normalizer.normalized(part.text), work, ids);
  }
}

void Tokenizer::State::encode_part(std::string_view text, Scratch& work, std::vector<std::int32_t>& ids) const {
  const auto encode_text = [&](std::string_view part) {
    pre_tokenizer.split(part, work.words);
    for (const std::string_view word : work.words.words) bpe.encode(word, work.bpe, ids);
  };
  if (normalized_added.empty()) return encode_text(text);
  work.normalized_parts.clear();
  normalized_added.split(text, work.normalized_parts);
  for (const AddedTokenFinder::Part& part : work.normalized_parts) {
    if (part.id)
      ids.push_back(*part.id);
    else
      encode_text(part.text);
  }
}

Tokenizer::Tokenizer(std::unique_ptr<State> state) : state_(std::move(state)) {}
Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&&) noexcept = default;
Tokenizer::~Tokenizer() = default;

Tokenizer Tokenizer::read(const std::filesystem::path& path) {
  const bool is_folder = std::filesystem::is_directory(path);
  if (!is_folder && !base::is_there(path)) throw Error::user(*spec::model_folder_fault(path));
  const std::filesystem::path file = is_folder ? path / "tokenizer.json" : path;
  if (!base::is_there(file))
    throw Error::user({.what = "this folder has no tokenizer.json",
                       .where = file.string(),
                       .fix = "Muster reads no other form; transformers writes it: "
                              "AutoTokenizer.from_pretrained(DIR).save_pretrained(DIR)"});
  std::error_code unknown;  // is for read_regular_file to report
  if (const auto size = std::filesystem::file_size(file, unknown); !unknown && size > kLargestFileBytes)
    throw Error::user({.what = base::text("a tokenizer of ", base::bytes_text(static_cast<std::int64_t>(size))),
                       .where = file.string(),
                       .fix = base::text("at most ", base::bytes_text(kLargestFileBytes), " are read")});
  return parse(base::read_regular_file(file), file.string(), is_folder ? read_named_tokens(path) : NamedTokens{});
}

Tokenizer Tokenizer::parse(const std::string& json, const std::string& where) {
  return parse(json, where, NamedTokens{});
}

Tokenizer Tokenizer::parse(const std::string& json, const std::string& where, const NamedTokens& named) {
  const nlohmann::json document = parse_json(json, where);
  const JsonNode root(document, where);
  auto state = std::make_unique<State>();
  state->bpe = Bpe::parse(root.at("model"));
  if (root.has("normalizer")) state->normalizer = Normalizer::parse(root.at("normalizer"));
  std::vector<AddedToken> tokens;
  if (root.has("added_tokens")) {
    tokens = parse_added_tokens(root.at("added_tokens"));
    state->check_added(root.at("added_tokens"), tokens);
  }
  merge_named_tokens(
      named, [&](std::string_view content) { return state->bpe.token_id(content); },
      std::ssize(state->bpe.vocabulary()), tokens);
  state->add_tokens(tokens);
  state->pre_tokenizer = PreTokenizer::parse(root.at("pre_tokenizer"));
  check_decoder(root.at("decoder"));
  state->fill_bytes(root.at("model"));
  if (state->bytes.empty()) root.at("model").fail("the vocabulary is empty");
  if (root.has("post_processor")) state->read_post_processor(root.at("post_processor"), 0);
  Tokenizer tokenizer(std::move(state));
  if (!named.end_token.empty()) tokenizer.state_->end_token = tokenizer.token_id(named.end_token);
  return tokenizer;
}

std::vector<std::int32_t> Tokenizer::encode(std::string_view text, bool add_special) const {
  if (!base::is_utf8(text)) throw Error::user({.what = "the text to be tokenised is not UTF-8"});
  std::vector<std::int32_t> ids;
  if (add_special) ids = state_->prefix;
  if (const std::unique_lock lock(state_->scratch_mutex, std::try_to_lock); lock.owns_lock()) {
    state_->encode(text, state_->scratch, ids);
  } else {
    State::Scratch own;
    state_->encode(text, own, ids);
  }
  if (add_special) ids.insert(ids.end(), state_->suffix.begin(), state_->suffix.end());
  return ids;
}

std::vector<std::int32_t> Tokenizer::encode_prompt(std::string_view text) const {
  std::vector<std::int32_t> ids = encode(text, false);
  const std::vector<std::int32_t>& prefix = state_->prefix;
  const bool has_prefix = ids.size() >= prefix.size() && std::equal(prefix.begin(), prefix.end(), ids.begin());
  if (!has_prefix) ids.insert(ids.begin(), prefix.begin(), prefix.end());
  return ids;
}

std::string Tokenizer::decode(std::span<const std::int32_t> ids, bool skip_special) const {
  std::string bytes;
  for (const std::int32_t id : ids) bytes += bytes_of(id, skip_special);
  return base::lossy_utf8(bytes);
}

std::string_view Tokenizer::bytes_of(std::int32_t id, bool skip_special) const {
  if (id < 0 || id >= vocabulary_size() || (skip_special && is_special(id))) return {};
  return state_->bytes[id];
}

std::optional<std::int32_t> Tokenizer::token_id(std::string_view content) const {
  const auto added = state_->added_ids.find(content);
  return added != state_->added_ids.end() ? std::optional(added->second) : state_->bpe.token_id(content);
}

std::optional<std::int32_t> Tokenizer::end_token() const { return state_->end_token; }

bool Tokenizer::is_special(std::int32_t id) const { return state_->special.contains(id); }

std::int64_t Tokenizer::vocabulary_size() const { return std::ssize(state_->bytes); }

}  // namespace muster::data
