#include "launcher/run/pin.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

#include "launcher/cluster/cluster.h"
#include "runtime/base/digest.h"
#include "runtime/base/error.h"
#include "runtime/base/files.h"
#include "runtime/base/process.h"
#include "runtime/base/random.h"
#include "runtime/base/text.h"

namespace muster::run {
namespace fs = std::filesystem;
using base::text;

namespace {

/// One file of a copy: where it lies in the copy, and where it comes from.
struct Pinned {
  fs::path place, source;
  std::string hash;
};

fs::path store_of(const fs::path& root) { return root / ".binaries"; }

bool is_ours(const std::string& name) {
  return name == "muster" || name.starts_with("muster-") || (name.starts_with("libmuster_") && name.ends_with(".so"));
}

bool is_library(const std::string& name) { return name.ends_with(".so") || name.find(".so.") != std::string::npos; }

/// What is copied, in the order of the names: the hash must not depend on how a folder is listed.
std::vector<Pinned> files_to_pin(const fs::path& binaries) {
  std::vector<Pinned> files;
  for (const auto& entry : fs::directory_iterator(binaries))
    if (entry.is_regular_file() && is_ours(entry.path().filename().string()))
      files.push_back({fs::path("bin") / entry.path().filename(), entry.path(), ""});
  for (const std::string name : {"templates", "clusters"}) {
    const fs::path folder = cluster::shipped_folder(name);
    for (const auto& entry : fs::recursive_directory_iterator(folder))
      if (entry.is_regular_file())
        files.push_back({fs::path("share/muster") / name / entry.path().lexically_relative(folder), entry.path(), ""});
  }
  for (Pinned& file : files) file.hash = base::sha256_of_file(file.source);
  std::sort(files.begin(), files.end(), [](const Pinned& a, const Pinned& b) { return a.place < b.place; });
  return files;
}

std::string name_of(const std::vector<Pinned>& files) {
  std::string list;
  for (const Pinned& file : files) list += file.place.string() + " " + file.hash + "\n";
  return base::sha256_of(list).substr(0, 16);
}

void copy_synced(const Pinned& file, const fs::path& folder) {
  const fs::path target = folder / file.place;
  base::make_folder(target.parent_path());
  std::error_code code;
  fs::copy_file(file.source, target, code);
  const base::Descriptor copy(::open(target.c_str(), O_RDONLY | O_CLOEXEC));
  if (!code && (!copy || ::fsync(copy.get()) != 0)) code = {errno, std::generic_category()};
  if (code)
    throw Error::user({.what = "cannot copy the binaries: " + code.message(),
                       .where = target.string(),
                       .fix = "free some space there, or choose another --run-root"});
  if (base::sha256_of_file(target) != file.hash)
    throw Error::user({.what = "changed while it was copied",
                       .where = file.source.string(),
                       .fix = "a build is going on: submit again when it is done"});
}

/// What the programs' $ORIGIN paths reach and is not ours.
void link_libraries(const fs::path& binaries, const fs::path& folder) {
  for (const auto& entry : fs::directory_iterator(binaries)) {
    const fs::path name = entry.path().filename();
    if (is_library(name.string()) && !is_ours(name.string()))
      fs::create_symlink(fs::canonical(entry.path()), folder / "bin" / name);
  }
  const fs::path libraries = binaries / ".." / "lib";
  if (fs::is_directory(libraries)) fs::create_symlink(fs::canonical(libraries), folder / "lib");
}

void check_whole(const std::vector<Pinned>& files, const fs::path& folder) {
  for (const Pinned& file : files) {
    std::error_code code;
    if (fs::file_size(folder / file.place, code) == fs::file_size(file.source) && !code) continue;
    throw Error::user(
        {.what = text("the pinned binaries are damaged: ", file.place.string(), " is not as it was copied"),
         .where = folder.string(),
         .fix = "remove that folder when no job uses it; it is made again"});
  }
}

std::vector<std::string> own_words() {
  std::vector<std::string> words = base::split(base::read_file("/proc/self/cmdline"), '\0');
  if (!words.empty() && words.back().empty()) words.pop_back();
  return words;
}

}  // namespace

fs::path pin_binaries(const fs::path& binaries, const fs::path& root) {
  const std::vector<Pinned> files = files_to_pin(binaries);
  const fs::path folder = store_of(root) / name_of(files);
  if (!base::is_there(folder)) {
    const fs::path unfinished = store_of(root) / text(".new-", base::random_hex(8));
    try {
      for (const Pinned& file : files) copy_synced(file, unfinished);
      link_libraries(binaries, unfinished);
      base::publish_folder(unfinished, folder);
    } catch (const std::exception&) {
      std::error_code ignored;
      fs::remove_all(unfinished, ignored);
      if (!base::is_there(folder)) throw;  // else another submission made the same at the same moment
    }
  }
  check_whole(files, folder);
  return folder / "bin";
}

bool is_pinned(const fs::path& binaries, const fs::path& root) {
  return binaries.parent_path().parent_path() == store_of(root);
}

fs::path pinned_link(const fs::path& run_folder) { return run_folder / "bin"; }

void write_pinned_link(const fs::path& run_folder, const fs::path& binaries) {
  const fs::path link = pinned_link(run_folder), made = link.string() + ".tmp";
  std::error_code code;
  fs::remove(made, code);
  fs::create_symlink(binaries.lexically_relative(run_folder), made, code);
  if (!code) fs::rename(made, link, code);
  if (code) throw Error::user({.what = "cannot link the pinned binaries: " + code.message(), .where = link.string()});
}

fs::path other_muster(const fs::path& run_folder) {
  std::error_code code;
  const fs::path link = pinned_link(run_folder);
  if (!fs::is_symlink(link, code)) return {};
  const fs::path muster = fs::canonical(link, code) / "muster";
  if (code || !base::is_there(muster) || muster.parent_path() == fs::canonical(base::executable_folder())) return {};
  return muster;
}

void become_pinned(const fs::path& run_folder) {
  const fs::path muster = other_muster(run_folder);
  if (muster.empty()) return;
  std::vector<std::string> words = own_words();
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  ::execv(muster.c_str(), pointers.data());
  throw Error::cluster({.what = std::string("cannot start: ") + std::strerror(errno), .where = muster.string()});
}

}  // namespace muster::run
