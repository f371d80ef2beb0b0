// Files of tensors: opened once, read by row ranges with pread, written whole under a temporary name.
#include "runtime/weights/safetensors.h"

#include <ATen/ATen.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>

#include "runtime/base/error.h"
#include "runtime/base/json_text.h"
#include "runtime/base/text.h"
#include "runtime/weights/safetensors_header.h"

namespace muster::weights {
namespace {

using base::text;
namespace fs = std::filesystem;

constexpr std::uint64_t kMostHeaderBytes = 100'000'000;  // the format's own limit
constexpr const char* kFetchAgain = "fetch or write the file anew";

void read_bytes(int fd, char* target, std::int64_t count, std::int64_t offset, const fs::path& path) {
  while (count > 0) {
    const ssize_t got = ::pread(fd, target, static_cast<std::size_t>(count), offset);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw Error::user({.what = text("cannot be read: ", std::strerror(errno)), .where = path.string()});
    if (got == 0)
      throw Error::user({.what = text("ends at byte ", offset, ", ", count, " bytes too early"),
                         .where = path.string(),
                         .fix = kFetchAgain});
    target += got;
    offset += got;
    count -= got;
  }
}

void write_bytes(int fd, const char* source, std::size_t count, const fs::path& path) {
  while (count > 0) {
    const ssize_t put = ::write(fd, source, count);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0)
      throw Error::user({.what = text("cannot be written: ", std::strerror(errno)),
                         .where = path.string(),
                         .fix = "see that the disk has room and the folder is writable"});
    source += put;
    count -= static_cast<std::size_t>(put);
  }
}

nlohmann::json parse_index(const fs::path& path) {
  nlohmann::json index = base::parse_json(base::read_regular_file(path), path.string(), kFetchAgain);
  if (index.is_object() && index.contains("weight_map") && index["weight_map"].is_object()) return index["weight_map"];
  throw Error::user({.what = "has no object \"weight_map\"", .where = path.string(), .fix = kFetchAgain});
}

}  // namespace

SafetensorsFile::SafetensorsFile(const fs::path& path)
    : path_(path), file_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {
  if (!file_) throw Error::user({.what = text("cannot be opened: ", std::strerror(errno)), .where = path.string()});
  struct stat status {};
  if (::fstat(file_.get(), &status) != 0 || !S_ISREG(status.st_mode))
    throw Error::user({.what = "is a folder, a pipe or a device, not a file",
                       .where = path.string(),
                       .fix = "put the file itself there"});
  const auto file_bytes = static_cast<std::int64_t>(status.st_size);
  std::uint64_t header_bytes = 0;
  if (file_bytes < static_cast<std::int64_t>(sizeof header_bytes))
    throw Error::user({.what = text("no safetensors file: it has ", file_bytes, " bytes"),
                       .where = path.string(),
                       .fix = kFetchAgain});
  read_bytes(file_.get(), reinterpret_cast<char*>(&header_bytes), sizeof header_bytes, 0, path);
  if (header_bytes > kMostHeaderBytes || static_cast<std::int64_t>(header_bytes) > file_bytes - 8)
    throw Error::user({.what = text("no safetensors file, or cut off: its header would have ", header_bytes,
                                    " bytes, the file has ", file_bytes),
                       .where = path.string(),
                       .fix = kFetchAgain});
  std::string header(header_bytes, '\0');
  read_bytes(file_.get(), header.data(), static_cast<std::int64_t>(header_bytes), 8, path);
  const std::int64_t data_begin = 8 + static_cast<std::int64_t>(header_bytes);
  entries_ = parse_header(header, data_begin, file_bytes - data_begin, path.string());
}

at::Tensor SafetensorsFile::read(const std::string& name, const spec::Box& box) const {
  const auto found = entries_.find(name);
  INVARIANT(found != entries_.end(), text(path_.string(), " holds '", name, "'"));
  const TensorEntry& entry = found->second;
  INVARIANT(entry.dtype != at::ScalarType::Undefined, text("'", name, "' has a type that can be read"));
  INVARIANT(box.ranges.size() == entry.shape.size() && !box.ranges.empty(), "a box has the dimensions of its tensor");
  for (std::size_t dim = 0; dim < entry.shape.size(); ++dim)
    INVARIANT(box.ranges[dim].begin >= 0 && box.ranges[dim].begin <= box.ranges[dim].end &&
                  box.ranges[dim].end <= entry.shape[dim],
              "a box lies in its tensor");
  std::vector<std::int64_t> shape = entry.shape;
  shape[0] = box.ranges[0].size();
  at::Tensor rows = at::empty(shape, at::TensorOptions().dtype(entry.dtype));
  const std::int64_t row_bytes = entry.shape[0] == 0 ? 0 : (entry.end - entry.begin) / entry.shape[0];
  read_bytes(file_.get(), static_cast<char*>(rows.mutable_data_ptr()), row_bytes * shape[0],
             entry.begin + box.ranges[0].begin * row_bytes, path_);
  for (std::size_t dim = 1; dim < shape.size(); ++dim)
    rows = rows.narrow(static_cast<std::int64_t>(dim), box.ranges[dim].begin, box.ranges[dim].size());
  return rows.contiguous();
}

WeightFolder::WeightFolder(const fs::path& folder) {
  const fs::path index = folder / "model.safetensors.index.json", single = folder / "model.safetensors";
  if (!base::is_there(index)) {
    if (!base::is_there(single))
      throw Error::user({.what = "no weights here: there is neither model.safetensors nor model.safetensors.index.json",
                         .where = folder.string(),
                         .fix = "model.path is a Hugging Face folder with safetensors files"});
    files_.push_back(std::make_unique<SafetensorsFile>(single));
    for (const auto& [name, entry] : files_[0]->entries()) where_[name] = {0, name};
    return;
  }
  std::map<std::string, std::size_t> opened;
  base::Faults faults;
  const nlohmann::json places = parse_index(index);
  for (const auto& [name, value] : places.items()) {
    const std::string file = value.is_string() ? value.get<std::string>() : "";
    if (file.empty() || file != fs::path(file).filename().string()) {
      faults.add({.what = text("tensor '", name, "' lies in ", value.dump(), ", which is no name of a file beside it"),
                  .where = index.string(),
                  .fix = kFetchAgain});
      continue;
    }
    if (!opened.contains(file)) {
      files_.push_back(std::make_unique<SafetensorsFile>(folder / file));
      opened[file] = files_.size() - 1;
    }
    if (!files_[opened[file]]->entries().contains(name))
      faults.add({.what = text("tensor '", name, "' is not in ", file), .where = index.string(), .fix = kFetchAgain});
    where_[name] = {opened[file], name};
  }
  if (base::is_there(single) && !opened.contains(single.filename().string()))
    faults.add({.what = "two sets of weights: transformers reads model.safetensors, others the files that "
                        "model.safetensors.index.json names",
                .where = folder.string(),
                .fix = "take away the one that is not meant"});
  faults.throw_if_any();
}

std::string WeightFolder::adapt_names(const std::string& known) {
  if (where_.contains(known)) return "";
  const std::size_t dot = known.find('.');
  const std::string root = known.substr(0, dot + 1), rest = known.substr(dot + 1);  // "model." and what is below it
  std::string prefix;
  bool lacks_root = false;
  std::size_t candidates = 0;
  for (const auto& [name, place] : where_) {
    const bool is_whole = name.ends_with("." + known), is_bare = name == rest || name.ends_with("." + rest);
    if (!is_whole && !is_bare) continue;
    ++candidates;
    lacks_root = !is_whole;
    prefix = name.substr(0, name.size() - (is_whole ? known : rest).size());
  }
  if (candidates != 1) return "";
  std::map<std::string, Place> adapted;
  for (auto& [name, place] : where_) {
    std::string known_as = name.starts_with(prefix) ? name.substr(prefix.size()) : name;
    if (lacks_root && !known_as.starts_with(root) && !known_as.starts_with("lm_head.")) known_as = root + known_as;
    adapted.emplace(std::move(known_as), std::move(place));
  }
  where_ = std::move(adapted);
  return text("the names of the tensors are read ", prefix.empty() ? "" : "without \"" + prefix + "\"",
              !prefix.empty() && lacks_root ? " and " : "", lacks_root ? "with \"" + root + "\"" : "", " before them");
}

bool WeightFolder::has(const std::string& name) const { return where_.contains(name); }
std::vector<std::string> WeightFolder::names() const {
  std::vector<std::string> names;
  for (const auto& [name, place] : where_) names.push_back(name);
  return names;
}
const TensorEntry& WeightFolder::entry(const std::string& name) const {
  const Place& place = where_.at(name);
  return files_[place.file]->entries().at(place.name);
}
at::Tensor WeightFolder::read(const std::string& name, const spec::Box& box) const {
  const Place& place = where_.at(name);
  return files_[place.file]->read(place.name, box);
}

void write_safetensors(const fs::path& path, const std::vector<std::pair<std::string, at::Tensor>>& tensors,
                       const std::map<std::string, std::string>& metadata) {
  fs::path unfinished = path;
  unfinished += text(".", ::getpid(), ".tmp");
  base::Descriptor file(::open(unfinished.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!file)
    throw Error::user({.what = text("cannot be written: ", std::strerror(errno)), .where = unfinished.string()});
  try {
    const std::string header = header_text(tensors, metadata);
    write_bytes(file.get(), header.data(), header.size(), unfinished);
    for (const auto& [name, tensor] : tensors) {
      INVARIANT(tensor.is_contiguous() && tensor.is_cpu(), text("'", name, "' is contiguous and on the CPU"));
      write_bytes(file.get(), static_cast<const char*>(tensor.const_data_ptr()), tensor.nbytes(), unfinished);
    }
    if (::fsync(file.get()) != 0)
      throw Error::user({.what = text("cannot be written: ", std::strerror(errno)), .where = unfinished.string()});
    fs::rename(unfinished, path);
  } catch (...) {  // leaves no half file behind; the error goes on
    std::error_code ignored;
    fs::remove(unfinished, ignored);
    throw;
  }
}

}  // namespace muster::weights
