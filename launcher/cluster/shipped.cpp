// Where the data that lies with the program is found.
#include <algorithm>
#include <cstdlib>

#include "launcher/cluster/cluster.h"
#include "runtime/base/process.h"
#include "runtime/base/text.h"

namespace muster::cluster {
namespace fs = std::filesystem;

fs::path shipped_folder(const std::string& name) {
  std::string variable = "MUSTER_" + name;
  std::transform(variable.begin(), variable.end(), variable.begin(), [](unsigned char c) { return std::toupper(c); });
  if (const char* folder = std::getenv(variable.c_str())) return folder;
  const fs::path binaries = base::executable_folder();
  for (const fs::path& folder : {binaries / ".." / ".." / name, binaries / ".." / "share" / "muster" / name}) {
    if (fs::is_directory(folder)) return folder.lexically_normal();
  }
  throw Error::user({.what = base::text("the folder \"", name, "\" is not with the program"),
                     .where = binaries.string(),
                     .fix = base::text("set ", variable, " to the folder of that name in the source tree")});
}

bool is_path(const std::string& word) { return word.find('/') != std::string::npos || word.ends_with(".toml"); }

std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code ignored;  // a folder that is not there holds no names
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    if (entry.path().extension() == ".toml") names.push_back(entry.path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace muster::cluster
