#include "runtime/spec/data_files.h"

#include <glob.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "runtime/base/error.h"
#include "runtime/base/files.h"
#include "runtime/base/text.h"

namespace muster::spec {
namespace {

namespace fs = std::filesystem;

bool is_pattern(const std::string& path) {
  return path.find_first_of("*?[") != std::string::npos && !base::is_there(path);
}

std::vector<std::string> matches_of(const std::string& pattern) {
  glob_t found{};
  const int code = ::glob(pattern.c_str(), GLOB_NOSORT, nullptr, &found);
  std::vector<std::string> paths;
  if (code == 0) paths.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  ::globfree(&found);
  std::sort(paths.begin(), paths.end());
  return paths;
}

/// "parquet", "lines", "json", or "" for files that hold no rows. A .json may be rows or facts about them.
std::string kind_of(fs::path name) {
  if (name.string().starts_with('.')) return "";
  for (const char* packed : {".gz", ".zst", ".zstd"})
    if (name.extension() == packed) name = name.stem();
  const std::string ending = name.extension().string();
  return ending == ".parquet"                        ? "parquet"
         : ending == ".jsonl" || ending == ".ndjson" ? "lines"
         : ending == ".json"                         ? "json"
                                                     : "";
}

std::vector<std::string> shards_of(const std::string& folder) {
  std::vector<std::string> parquet, lines, json;
  bool has_folders = false;
  std::error_code failed, ignored;
  for (const auto& entry : fs::directory_iterator(folder, failed)) {
    has_folders = has_folders || entry.is_directory(ignored);
    if (!entry.is_regular_file(ignored)) continue;
    const std::string kind = kind_of(entry.path().filename());
    if (kind == "parquet") parquet.push_back(entry.path().string());
    if (kind == "lines") lines.push_back(entry.path().string());
    if (kind == "json") json.push_back(entry.path().string());
  }
  if (failed) throw Error::user({.what = "cannot read the data: " + failed.message(), .where = folder});
  if (!parquet.empty() && !lines.empty())
    throw Error::user(
        {.what = base::text("the folder holds ", parquet.size(), " Parquet files and ", lines.size(), " of JSON lines"),
         .where = folder,
         .fix = "say which by a pattern: data.path = \"FOLDER/*.parquet\""});
  std::vector<std::string>& shards = !parquet.empty() ? parquet : !lines.empty() ? lines : json;
  if (shards.empty())
    throw Error::user({.what = "the folder holds no data: no .parquet, .jsonl, .ndjson or .json",
                       .where = folder,
                       .fix = has_folders ? "folders below it are not looked into: name one, or a pattern"
                                          : "data.path is a file, a folder of shards, or a pattern"});
  std::sort(shards.begin(), shards.end());
  return shards;
}

/// Hugging Face's folders hold train-00000-of-00002.parquet beside test-00000-of-00001.parquet.
void check_splits(const std::string& folder, const std::vector<std::string>& shards) {
  const std::set<std::string> known{"train", "test", "validation", "valid", "val", "dev", "eval"};
  std::set<std::string> found;
  for (const std::string& shard : shards) {
    const std::string name = fs::path(shard).filename().string();
    const std::string first = name.substr(0, name.find_first_of("-_."));
    if (known.contains(first)) found.insert(first);
  }
  if (found.size() < 2) return;
  const std::vector<std::string> names(found.begin(), found.end());
  throw Error::user({.what = base::text("the folder holds the splits ", base::join(names, ", "), " side by side"),
                     .where = folder,
                     .fix = base::text("say which by a pattern: data.path = \"", folder, "/",
                                       found.contains("train") ? "train" : names[0], "*\"")});
}

}  // namespace

std::vector<std::string> data_files(const std::string& path) {
  std::error_code failed;
  const fs::file_status status = fs::status(path, failed);
  if (fs::is_regular_file(status)) return {path};
  std::vector<std::string> files;
  if (fs::is_directory(status)) {
    files = shards_of(path);
    check_splits(path, files);
  } else if (is_pattern(path)) {
    files = matches_of(path);
    if (files.empty())
      throw Error::user({.what = "no file matches this pattern", .where = path, .fix = "see data.path"});
  } else if (!fs::exists(status)) {
    throw Error::user(
        {.what = base::text("cannot read the data: ", failed ? failed.message() : "no such file"),
         .where = path,
         .fix = "data.path is a file of JSON lines or Parquet, a folder of such, a pattern, or builtin:sums"});
  } else {
    files = {path};
  }
  for (const std::string& file : files)
    if (std::error_code ignored; !fs::is_regular_file(file, ignored))
      throw Error::user({.what = fs::is_directory(file, ignored)
                                     ? "cannot read the data: this is a folder"
                                     : "cannot read the data: this is no file but a pipe or a device",
                         .where = file,
                         .fix = "rows are read by several processes, more than once: write them to a file"});
  return files;
}

bool is_data_there(const std::string& path) {
  return base::is_there(path) || (is_pattern(path) && !matches_of(path).empty());
}

std::string data_mount(const std::string& path) {
  if (!is_pattern(path)) return path;
  const std::string before = path.substr(0, path.find_first_of("*?["));
  return before.substr(0, std::max<std::size_t>(before.rfind('/'), 1));
}

}  // namespace muster::spec
