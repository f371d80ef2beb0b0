// The file: a head, the key, then one array a fact: begins (64 bits), sizes, line numbers, tokens (32 bits each).
#include "runtime/data/index.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>

#include "runtime/base/error.h"
#include "runtime/base/files.h"
#include "runtime/base/random.h"
#include "runtime/base/text.h"
#include "runtime/data/lines.h"
#include "runtime/data/schemas.h"

namespace muster::data {
namespace {

namespace fs = std::filesystem;

constexpr char kMagic[8] = {'M', 'U', 'S', 'T', 'I', 'D', 'X', '1'};

struct Head {
  char magic[8];
  std::uint64_t key_bytes, rows;
};

std::size_t padded(std::size_t bytes) { return (bytes + 7) / 8 * 8; }

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
    const std::size_t most = size_ / 20;  // 20 bytes a row
    is_valid_ = std::memcmp(head_.magic, kMagic, sizeof kMagic) == 0 && head_.key_bytes <= size_ &&
                head_.rows <= most && size_ == sizeof(Head) + padded(head_.key_bytes) + head_.rows * 20;
  }
  ~Map() {
    if (begin_ != nullptr) ::munmap(const_cast<char*>(begin_), size_);
  }
  Map(const Map&) = delete;

  bool is_valid() const { return is_valid_; }
  std::string_view key() const { return {begin_ + sizeof(Head), head_.key_bytes}; }
  std::int64_t rows() const { return static_cast<std::int64_t>(head_.rows); }
  IndexEntry at(std::int64_t row) const {
    const auto r = static_cast<std::size_t>(row);
    const char* begins = begin_ + sizeof(Head) + padded(head_.key_bytes);
    const char* words = begins + head_.rows * 8;
    IndexEntry entry;
    std::memcpy(&entry.begin_bytes, begins + r * 8, 8);
    std::memcpy(&entry.size_bytes, words + r * 4, 4);
    std::memcpy(&entry.number, words + (head_.rows + r) * 4, 4);
    std::memcpy(&entry.prompt_tokens, words + (2 * head_.rows + r) * 4, 4);
    return entry;
  }

 private:
  const char* begin_ = nullptr;
  std::size_t size_ = 0;
  Head head_{};
  bool is_valid_ = false;
};

class IndexedRows : public Rows {
 public:
  IndexedRows(const fs::path& index, const std::string& rows_file, std::string shown)
      : map_(index), file_(rows_file), shown_(std::move(shown)) {}

  const Map& map() const { return map_; }
  std::int64_t size() const override { return map_.rows(); }
  std::string line(std::int64_t row) const override {
    const IndexEntry entry = map_.at(row);
    if (entry.size_bytes > kLongestLineBytes)
      throw Error::user({.what = base::text("a line of more than ", base::bytes_text(kLongestLineBytes))});
    return file_.read(entry.begin_bytes, entry.size_bytes);
  }
  std::string place(std::int64_t row) const override { return base::text(shown_, ":", map_.at(row).number); }
  std::int32_t prompt_tokens(std::int64_t row) const override { return map_.at(row).prompt_tokens; }

 private:
  Map map_;
  LineFile file_;
  std::string shown_;
};

}  // namespace

std::string index_key(const spec::DataJob& data, const spec::DataSource& source, const fs::path& model) {
  struct stat facts {};
  if (::stat(source.path.c_str(), &facts) != 0)
    throw Error::user({.what = std::string("cannot read the data: ") + std::strerror(errno), .where = source.path});
  std::string made_with = base::read_file(model / "tokenizer.json");
  if (data.chat_template == "model")
    for (const char* name : {"tokenizer_config.json", "chat_template.jinja"})
      if (fs::exists(model / name)) made_with += base::read_file(model / name);
  const FieldNames fields = field_names(source);
  return nlohmann::ordered_json{{"path", source.path},
                                {"size_bytes", facts.st_size},
                                {"time_ns", facts.st_mtim.tv_sec * std::int64_t{1'000'000'000} + facts.st_mtim.tv_nsec},
                                {"prompt_field", fields.prompt},
                                {"answer_field", fields.answer},
                                {"prompt", data.prompt},
                                {"answer", data.answer},
                                {"columns", data.columns},
                                {"chat_template", data.chat_template},
                                {"system", data.system},
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

void write_index(const fs::path& path, const std::string& key, const std::vector<IndexEntry>& entries) {
  Head head{.key_bytes = key.size(), .rows = entries.size()};
  std::memcpy(head.magic, kMagic, sizeof kMagic);
  std::string bytes(reinterpret_cast<const char*>(&head), sizeof head);
  bytes.reserve(sizeof head + padded(key.size()) + entries.size() * 20);
  bytes += key;
  bytes.resize(sizeof head + padded(key.size()), '\0');
  const auto append = [&](auto member) {
    for (const IndexEntry& entry : entries)
      bytes.append(reinterpret_cast<const char*>(&(entry.*member)), sizeof(entry.*member));
  };
  append(&IndexEntry::begin_bytes);
  append(&IndexEntry::size_bytes);
  append(&IndexEntry::number);
  append(&IndexEntry::prompt_tokens);
  base::write_file(path, bytes);
}

bool is_index_of(const fs::path& path, const std::string& key) {
  const Map map(path);
  return map.is_valid() && map.key() == key;
}

std::unique_ptr<Rows> open_indexed_rows(const fs::path& folder, std::size_t source_index,
                                        const spec::DataSource& source, const std::string& key) {
  const fs::path path = index_file(folder, source_index);
  std::error_code ignored;
  if (folder.empty() || !fs::exists(path, ignored)) return nullptr;
  const bool converted = is_parquet(source.path);
  const fs::path rows_file = converted ? index_rows_file(folder, source_index) : fs::path(source.path);
  auto rows = std::make_unique<IndexedRows>(path, rows_file.string(), source.path);
  const Map& map = rows->map();
  if (!map.is_valid() || map.key() != key)
    throw Error::user({.what = map.is_valid()
                                   ? "the data, its fields, the templates or the tokenizer have changed since "
                                     "the index was made"
                                   : "this is no index, or a part of one",
                       .where = path.string(),
                       .fix = "muster-runtime index --plan RUN/plan.toml makes it anew"});
  return rows;
}

}  // namespace muster::data
