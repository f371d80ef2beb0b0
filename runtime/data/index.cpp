// The file: a head, the key, the facts as JSON, then one array a fact of the rows: begins and prompt hashes (64 bits),
// sizes, line numbers, tokens (32 bits each).
#include "runtime/data/index.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>
#include <utility>

#include "runtime/base/error.h"
#include "runtime/base/files.h"
#include "runtime/base/random.h"
#include "runtime/base/text.h"
#include "runtime/data/lines.h"
#include "runtime/data/schemas.h"
#include "runtime/spec/data_files.h"
#include "runtime/spec/data_identity.h"

namespace muster::data {
namespace {

namespace fs = std::filesystem;

constexpr char kMagic[8] = {'M', 'U', 'S', 'T', 'I', 'D', 'X', '2'};

struct Head {
  char magic[8];
  std::uint64_t key_bytes, facts_bytes, rows;
};

constexpr std::size_t kRowBytes = 28;

std::size_t padded(std::size_t bytes) { return (bytes + 7) / 8 * 8; }

std::string facts_text(const IndexFacts& facts) {
  nlohmann::ordered_json shards = nlohmann::ordered_json::array();
  for (const Shard& shard : facts.shards) shards.push_back({shard.path, shard.begin_bytes, shard.first_line});
  return nlohmann::ordered_json{{"has_rows_file", facts.has_rows_file}, {"digest", facts.digest}, {"shards", shards}}
      .dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

/// False where it is broken.
bool parse_facts(std::string_view text, IndexFacts& facts) {
  try {
    const auto object = nlohmann::json::parse(text);
    facts.has_rows_file = object.at("has_rows_file");
    facts.digest = object.at("digest");
    for (const auto& shard : object.at("shards")) facts.shards.push_back({shard.at(0), shard.at(1), shard.at(2)});
  } catch (const nlohmann::json::exception&) {
    return false;
  }
  return !facts.shards.empty();
}

/// A mapped index. Not valid when the file is none or is cut off.
class Map {
 public:
  explicit Map(const fs::path& path) {
    const base::Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    struct stat facts {};
    if (!file || ::fstat(file.get(), &facts) != 0 || facts.st_size < static_cast<off_t>(sizeof(Head))) return;
    size_ = static_cast<std::size_t>(facts.st_size);
    void* mapped = ::mmap(nullptr, size_, PROT_READ, MAP_SHARED, file.get(), 0);
    if (mapped == MAP_FAILED) return;
    begin_ = static_cast<const char*>(mapped);
    std::memcpy(&head_, begin_, sizeof head_);
    is_valid_ = std::memcmp(head_.magic, kMagic, sizeof kMagic) == 0 && head_.key_bytes <= size_ &&
                head_.facts_bytes <= size_ && head_.rows <= size_ / kRowBytes &&
                size_ == rows_begin() + head_.rows * kRowBytes;
    if (is_valid_) is_valid_ = read_facts();
  }
  ~Map() {
    if (begin_ != nullptr) ::munmap(const_cast<char*>(begin_), size_);
  }
  Map(Map&& other) noexcept
      : begin_(std::exchange(other.begin_, nullptr)),
        size_(other.size_),
        head_(other.head_),
        facts_(std::move(other.facts_)),
        is_valid_(other.is_valid_) {}

  bool is_valid() const { return is_valid_; }
  std::string_view key() const { return {begin_ + sizeof(Head), head_.key_bytes}; }
  const IndexFacts& facts() const { return facts_; }
  std::int64_t rows() const { return static_cast<std::int64_t>(head_.rows); }
  IndexEntry at(std::int64_t row) const {
    const auto r = static_cast<std::size_t>(row);
    const char* begins = begin_ + rows_begin();
    const char* hashes = begins + head_.rows * 8;
    const char* words = hashes + head_.rows * 8;
    IndexEntry entry;
    std::memcpy(&entry.begin_bytes, begins + r * 8, 8);
    std::memcpy(&entry.prompt_hash, hashes + r * 8, 8);
    std::memcpy(&entry.size_bytes, words + r * 4, 4);
    std::memcpy(&entry.number, words + (head_.rows + r) * 4, 4);
    std::memcpy(&entry.prompt_tokens, words + (2 * head_.rows + r) * 4, 4);
    return entry;
  }

 private:
  std::size_t rows_begin() const { return sizeof(Head) + padded(head_.key_bytes) + padded(head_.facts_bytes); }
  bool read_facts() {
    const char* begin = begin_ + sizeof(Head) + padded(head_.key_bytes);
    return parse_facts({begin, head_.facts_bytes}, facts_);
  }

  const char* begin_ = nullptr;
  std::size_t size_ = 0;
  Head head_{};
  IndexFacts facts_;
  bool is_valid_ = false;
};

class MappedRows : public IndexedRows {
 public:
  MappedRows(Map map, const std::string& rows_file) : map_(std::move(map)), file_(rows_file) {}

  const IndexFacts& facts() const override { return map_.facts(); }
  std::int64_t size() const override { return map_.rows(); }
  std::string line(std::int64_t row) const override {
    const IndexEntry entry = map_.at(row);
    if (entry.size_bytes > kLongestLineBytes)
      throw Error::user({.what = base::text("a line of more than ", base::bytes_text(kLongestLineBytes))});
    return file_.read(entry.begin_bytes, entry.size_bytes);
  }
  std::string place(std::int64_t row) const override { return place_in(map_.facts(), map_.at(row)); }
  std::int32_t prompt_tokens(std::int64_t row) const override { return map_.at(row).prompt_tokens; }
  std::optional<std::uint64_t> prompt_hash(std::int64_t row) const override { return map_.at(row).prompt_hash; }

 private:
  Map map_;
  LineFile file_;
};

}  // namespace

std::string place_in(const IndexFacts& facts, const IndexEntry& entry) {
  const auto after = std::upper_bound(facts.shards.begin(), facts.shards.end(), entry.begin_bytes,
                                      [](std::int64_t at, const Shard& shard) { return at < shard.begin_bytes; });
  const Shard& shard = after == facts.shards.begin() ? *after : *std::prev(after);
  return base::text(shard.path, ":", entry.number - shard.first_line);
}

std::string index_key(const spec::DataJob& data, const spec::DataSource& source, const fs::path& model) {
  nlohmann::ordered_json files = nlohmann::ordered_json::array();
  for (const std::string& path : spec::data_files(source.path)) {
    const spec::DataFileFacts facts = spec::data_file_facts(path);
    files.push_back({{"path", path}, {"size_bytes", facts.size_bytes}, {"time_ns", facts.time_ns}});
  }
  std::string made_with = base::read_file(model / "tokenizer.json");
  made_with += "a prompt without a chat template begins with the post-processor's tokens";
  for (const char* name : {"tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"})
    if (fs::exists(model / name)) made_with += base::read_file(model / name);
  if (data.chat_template == "model" && fs::exists(model / "chat_template.jinja"))
    made_with += base::read_file(model / "chat_template.jinja");
  const FieldNames fields = field_names(source);
  return nlohmann::ordered_json{{"path", source.path},
                                {"files", files},
                                {"prompt_field", fields.prompt},
                                {"answer_field", fields.answer},
                                {"prompt", data.prompt},
                                {"answer", data.answer},
                                {"columns", data.columns},
                                {"chat_template", data.chat_template},
                                {"system", data.system},
                                {"messages_field", data.messages_field},
                                {"template_date", data.template_date},
                                {"thinking", static_cast<int>(data.thinking)},
                                {"tokenizer", base::hash_bytes(made_with.data(), made_with.size())}}
      .dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

fs::path index_file(const fs::path& folder, std::size_t source) {
  return folder / base::text("source_", source, ".index");
}
fs::path index_rows_file(const fs::path& folder, std::size_t source) {
  return folder / base::text("source_", source, ".jsonl");
}

void write_index(const fs::path& path, const std::string& key, const IndexFacts& facts,
                 const std::vector<IndexEntry>& entries) {
  const std::string facts_bytes = facts_text(facts);
  Head head{.key_bytes = key.size(), .facts_bytes = facts_bytes.size(), .rows = entries.size()};
  std::memcpy(head.magic, kMagic, sizeof kMagic);
  std::string bytes(reinterpret_cast<const char*>(&head), sizeof head);
  bytes.reserve(sizeof head + padded(key.size()) + padded(facts_bytes.size()) + entries.size() * kRowBytes);
  for (const std::string* block : {&key, &facts_bytes}) {
    bytes += *block;
    bytes.resize(padded(bytes.size()), '\0');
  }
  const auto append = [&](auto member) {
    for (const IndexEntry& entry : entries)
      bytes.append(reinterpret_cast<const char*>(&(entry.*member)), sizeof(entry.*member));
  };
  append(&IndexEntry::begin_bytes);
  append(&IndexEntry::prompt_hash);
  append(&IndexEntry::size_bytes);
  append(&IndexEntry::number);
  append(&IndexEntry::prompt_tokens);
  base::write_file(path, bytes);
}

bool is_index_of(const fs::path& path, const std::string& key) {
  const Map map(path);
  return map.is_valid() && map.key() == key;
}

std::unique_ptr<IndexedRows> open_indexed_rows(const fs::path& folder, std::size_t source_index,
                                               const std::string& key) {
  const fs::path path = index_file(folder, source_index);
  std::error_code ignored;
  if (folder.empty() || !fs::exists(path, ignored)) return nullptr;
  Map map(path);
  if (!map.is_valid() || map.key() != key)
    throw Error::user({.what = map.is_valid()
                                   ? "the data, its fields, the templates or the tokenizer have changed since "
                                     "the index was made"
                                   : "this is no index, or a part of one",
                       .where = path.string(),
                       .fix = "muster-runtime index --plan RUN/plan.toml makes it anew"});
  const fs::path rows_file =
      map.facts().has_rows_file ? index_rows_file(folder, source_index) : fs::path(map.facts().shards[0].path);
  return std::make_unique<MappedRows>(std::move(map), rows_file.string());
}

}  // namespace muster::data
