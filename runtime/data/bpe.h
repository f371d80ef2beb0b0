// Byte-pair encoding: the bytes of a word are merged pair by pair, the pair of the lowest rank first.
// source: Sennrich et al., "Neural Machine Translation of Rare Words with Subword Units", ACL 2016.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace muster::data {

class JsonNode;

struct WordHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view word) const { return std::hash<std::string_view>{}(word); }
};
template <class Value>
using WordMap = std::unordered_map<std::string, Value, WordHash, std::equal_to<>>;

/// The model of tokenizer.json: vocabulary and merges over the byte-level alphabet.
class Bpe {
 public:
  /// throws: Error::user with the place (a merge of unknown tokens, an id out of range or twice, settings that are not
  /// supported).
  static Bpe parse(const JsonNode& node);

  /// Working memory and the words seen so far.
  struct Cache {
    WordMap<std::vector<std::int32_t>> words;
    std::vector<std::int32_t> ids, before, after;
    std::vector<std::uint64_t> queue;
  };
  /// Appends the ids of one word, given as its bytes.
  void encode(std::string_view word, Cache& cache, std::vector<std::int32_t>& ids) const;

  /// By its spelling in the file.
  std::optional<std::int32_t> token_id(std::string_view token) const;
  const WordMap<std::int32_t>& vocabulary() const { return vocabulary_; }

 private:
  struct Merge {
    std::int32_t rank, id;
  };
  struct PairHash {
    std::size_t operator()(std::uint64_t pair) const {
      return static_cast<std::size_t>((pair ^ pair >> 29) * 0x9E3779B97F4A7C15u >> 7);
    }
  };
  const Merge* merge_of(std::int32_t left, std::int32_t right) const;
  void begin_word(std::string_view word, std::vector<std::int32_t>& ids) const;
  void merge_all(Cache& cache) const;

  void read_vocabulary(const JsonNode& node);
  void read_merges(const JsonNode& node);

  WordMap<std::int32_t> vocabulary_;
  WordMap<std::int32_t> words_;               // by bytes; only with ignore_merges
  std::array<std::int32_t, 256> byte_ids_{};  // -1: the byte is in no token
  std::unordered_map<std::uint64_t, Merge, PairHash> merges_;
  std::vector<std::int32_t> merged_ids_;  // by rank
  std::int32_t unknown_id_ = -1;          // -1: unknown bytes vanish
  bool fuse_unknown_ = false, ignore_merges_ = false;
};

}  // namespace muster::data
