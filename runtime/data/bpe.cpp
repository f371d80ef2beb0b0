#include "runtime/data/bpe.h"

#include <algorithm>
#include <unordered_set>

#include "runtime/base/text.h"
#include "runtime/data/byte_level.h"
#include "runtime/data/json_node.h"

namespace muster::data {
namespace {

constexpr std::size_t kCachedWords = 1 << 16;
constexpr std::size_t kCachedWordBytes = 128;
constexpr std::int64_t kLargestId = (std::int64_t{1} << 24) - 1;

std::uint64_t pair_key(std::int32_t left, std::int32_t right) {
  return std::uint64_t{static_cast<std::uint32_t>(left)} << 32 | static_cast<std::uint32_t>(right);
}

void refuse_affix(const JsonNode& node, const char* key) {
  if (node.has(key) && !node.at(key).text().empty())
    node.at(key).fail(base::text(key, " is not supported"), "byte-level BPE has none");
}

}  // namespace

Bpe Bpe::parse(const JsonNode& node) {
  if (node.has("type") && node.type() != "BPE") node.refuse_type("BPE");
  refuse_affix(node, "continuing_subword_prefix");
  refuse_affix(node, "end_of_word_suffix");
  if (node.has("dropout") && node.at("dropout").value() != 0)
    node.at("dropout").fail("dropout is not supported", "set it to null");
  if (node.flag("byte_fallback", false))
    node.at("byte_fallback").fail("byte_fallback is not supported", "byte-level BPE needs none");
  Bpe bpe;
  bpe.ignore_merges_ = node.flag("ignore_merges", false);
  bpe.fuse_unknown_ = node.flag("fuse_unk", false);
  bpe.read_vocabulary(node.at("vocab"));
  bpe.read_merges(node.at("merges"));
  if (node.has("unk_token")) {
    const auto id = bpe.token_id(node.at("unk_token").text());
    if (!id) node.at("unk_token").fail("'" + node.at("unk_token").text() + "' is not in the vocabulary");
    bpe.unknown_id_ = *id;
  }
  return bpe;
}

void Bpe::read_vocabulary(const JsonNode& node) {
  if (!node.value().is_object()) node.fail(base::text("an object is expected here, not ", node.value().type_name()));
  std::unordered_set<std::int64_t> ids;
  vocabulary_.reserve(node.value().size());
  for (const auto& [token, value] : node.value().items()) {
    // The place is made only for an error: there are as many entries as tokens.
    if (!value.is_number_integer() || value < 0 || value > kLargestId) node.at(token).integer(0, kLargestId);
    const auto id = value.get<std::int32_t>();
    if (!ids.insert(id).second) node.at(token).fail(base::text("id ", id, " is there twice"));
    vocabulary_.emplace(token, id);
  }
  for (std::size_t byte = 0; byte < 256; ++byte) byte_ids_[byte] = token_id(byte_level_alphabet()[byte]).value_or(-1);
  if (!ignore_merges_) return;
  for (const auto& [token, id] : vocabulary_)
    if (const auto bytes = byte_level_bytes(token)) words_.emplace(*bytes, id);
}

void Bpe::read_merges(const JsonNode& node) {
  if (!node.value().is_array()) node.fail(base::text("an array is expected here, not ", node.value().type_name()));
  merges_.reserve(node.value().size());
  std::string left, right;
  for (std::size_t rank = 0; rank < node.value().size(); ++rank) {
    const nlohmann::json& entry = node.value()[rank];
    const auto place = [&] { return node.at(rank); };
    const auto id_of = [&](const std::string& token) {
      const auto id = token_id(token);
      if (!id) place().fail("'" + token + "' is not in the vocabulary");
      return *id;
    };
    if (entry.is_string()) {
      const auto& line = entry.get_ref<const std::string&>();
      const std::size_t space = line.find(' ');
      if (space == std::string::npos || line.find(' ', space + 1) != std::string::npos)
        place().fail("a merge is two tokens with one space between them, not '" + line + "'");
      left = line.substr(0, space);
      right = line.substr(space + 1);
    } else if (entry.is_array() && entry.size() == 2 && entry[0].is_string() && entry[1].is_string()) {
      left = entry[0].get_ref<const std::string&>();
      right = entry[1].get_ref<const std::string&>();
    } else {
      place().fail("a merge is \"a b\" or [\"a\", \"b\"]");
    }
    if (left.empty() || right.empty()) place().fail("a merge with an empty side would never end");
    const std::int32_t left_id = id_of(left), right_id = id_of(right);
    const std::int32_t id = id_of(left + right);
    merges_[pair_key(left_id, right_id)] = {static_cast<std::int32_t>(rank), id};
    merged_ids_.push_back(id);
  }
}

std::optional<std::int32_t> Bpe::token_id(std::string_view token) const {
  const auto found = vocabulary_.find(token);
  return found == vocabulary_.end() ? std::nullopt : std::optional(found->second);
}

const Bpe::Merge* Bpe::merge_of(std::int32_t left, std::int32_t right) const {
  const auto found = merges_.find(pair_key(left, right));
  return found == merges_.end() ? nullptr : &found->second;
}

void Bpe::begin_word(std::string_view word, std::vector<std::int32_t>& ids) const {
  bool unknown_before = false;
  for (const char c : word) {
    const std::int32_t id = byte_ids_[static_cast<unsigned char>(c)];
    if (id >= 0)
      ids.push_back(id);
    else if (unknown_id_ >= 0 && !(fuse_unknown_ && unknown_before))
      ids.push_back(unknown_id_);
    unknown_before = id < 0;
  }
}

// A queue of (rank, position), lowest first; a dead symbol is -1. An entry counts as long as the pair that stands there
// now makes the same token, by whatever merge: so does Hugging Face.
void Bpe::merge_all(Cache& cache) const {
  std::vector<std::int32_t>&ids = cache.ids, &before = cache.before, &after = cache.after;
  std::vector<std::uint64_t>& queue = cache.queue;
  const auto size = static_cast<std::int32_t>(ids.size());
  before.resize(ids.size());
  after.resize(ids.size());
  queue.clear();
  const auto push = [&](std::int32_t left) {
    const Merge* merge = merge_of(ids[left], ids[after[left]]);
    if (merge == nullptr) return false;
    queue.push_back(std::uint64_t{static_cast<std::uint32_t>(merge->rank)} << 32 | static_cast<std::uint32_t>(left));
    return true;
  };
  for (std::int32_t i = 0; i < size; ++i) {
    before[i] = i - 1;
    after[i] = i + 1 < size ? i + 1 : -1;
  }
  for (std::int32_t i = 0; i + 1 < size; ++i) push(i);
  std::make_heap(queue.begin(), queue.end(), std::greater<>());
  while (!queue.empty()) {
    std::pop_heap(queue.begin(), queue.end(), std::greater<>());
    const std::uint64_t top = queue.back();
    queue.pop_back();
    const auto left = static_cast<std::size_t>(top & 0xFFFFFFFF);
    if (ids[left] < 0 || after[left] < 0) continue;
    const auto right = static_cast<std::size_t>(after[left]);
    const std::int32_t made = merged_ids_[top >> 32];
    const Merge* merge = merge_of(ids[left], ids[right]);
    if (merge == nullptr || merge->id != made) continue;
    ids[left] = made;
    ids[right] = -1;
    after[left] = after[right];
    if (after[left] >= 0) before[after[left]] = static_cast<std::int32_t>(left);
    if (before[left] >= 0 && push(before[left])) std::push_heap(queue.begin(), queue.end(), std::greater<>());
    if (after[left] >= 0 && push(static_cast<std::int32_t>(left)))
      std::push_heap(queue.begin(), queue.end(), std::greater<>());
  }
  std::erase(ids, -1);
}

void Bpe::encode(std::string_view word, Cache& cache, std::vector<std::int32_t>& ids) const {
  if (word.size() == 1) return begin_word(word, ids);
  const auto known = cache.words.find(word);
  if (known != cache.words.end()) {
    ids.insert(ids.end(), known->second.begin(), known->second.end());
    return;
  }
  cache.ids.clear();
  const auto whole = ignore_merges_ ? words_.find(word) : words_.end();
  if (whole != words_.end()) {
    cache.ids.push_back(whole->second);
  } else {
    begin_word(word, cache.ids);
    if (cache.ids.size() > 1) merge_all(cache);
  }
  ids.insert(ids.end(), cache.ids.begin(), cache.ids.end());
  if (word.size() > kCachedWordBytes) return;
  if (cache.words.size() >= kCachedWords) cache.words.clear();
  cache.words.emplace(std::string(word), cache.ids);
}

}  // namespace muster::data
