// Model folders that are none: hub ids, files, folders without config.json.
#include "runtime/spec/model_path.h"

#include <algorithm>
#include <cctype>

#include "runtime/base/files.h"
#include "runtime/base/text.h"

namespace muster::spec {
namespace fs = std::filesystem;
using base::text;

namespace {

/// ORGANISATION/NAME, as on a hub.
bool looks_like_hub_id(const std::string& asked) {
  const std::size_t slash = asked.find('/');
  if (slash == std::string::npos || slash == 0 || slash + 1 == asked.size()) return false;
  if (std::isalnum(static_cast<unsigned char>(asked.front())) == 0) return false;
  return asked.find('/', slash + 1) == std::string::npos &&
         std::all_of(asked.begin(), asked.end(), [](unsigned char c) {
           return std::isalnum(c) != 0 || c == '/' || c == '-' || c == '_' || c == '.';
         });
}

constexpr const char* kWhatItIs =
    "a model is a Hugging Face folder with config.json, tokenizer.json and safetensors files";

}  // namespace

std::optional<base::Fault> model_folder_fault(const std::string& asked, const fs::path& folder) {
  std::error_code ignored;
  if (fs::is_directory(folder, ignored)) {
    if (base::is_there(folder / "config.json")) return {};
    return base::Fault{.what = "there is no config.json in this folder", .where = folder.string(), .fix = kWhatItIs};
  }
  if (base::is_there(folder))
    return base::Fault{.what = "this is no model folder but a file", .where = folder.string(), .fix = kWhatItIs};
  base::Fault fault{.what = "there is no model folder", .where = folder.string(), .fix = kWhatItIs};
  if (looks_like_hub_id(asked) && !base::is_there(folder.parent_path())) {
    fault.what = text("there is no model folder '", asked, "'; it looks like a Hugging Face hub id");
    fault.fix = text("Muster downloads nothing: hf download ", asked, " --local-dir DIR, and give DIR");
  }
  return fault;
}

std::optional<base::Fault> model_folder_fault(const fs::path& folder) {
  std::error_code ignored;
  const std::string relative = folder.lexically_relative(fs::current_path(ignored)).string();
  const bool is_below = !relative.empty() && !relative.starts_with("..") && folder.is_absolute();
  return model_folder_fault(is_below ? relative : folder.string(), folder);
}

}  // namespace muster::spec
