#include "runtime/base/system_error.h"

#include <filesystem>
#include <new>

#include "runtime/base/text.h"

namespace muster::base {
namespace {

// A name that nobody wants to read whole.
std::string short_path(const std::string& path) {
  constexpr std::size_t kShown = 200;
  return path.size() <= kShown ? path : path.substr(0, kShown) + text("... (", path.size(), " characters)");
}

}  // namespace

Error error_of(const std::exception& exception) {
  if (const auto* error = dynamic_cast<const Error*>(&exception)) return *error;
  if (const auto* refused = dynamic_cast<const std::filesystem::filesystem_error*>(&exception))
    return Error::user(
        {.what = text("the system refuses this path: ", refused->code().message()),
         .where = short_path(refused->path1().empty() ? refused->path2().string() : refused->path1().string())});
  if (dynamic_cast<const std::bad_alloc*>(&exception) != nullptr)
    return Error::user(
        {.what = "there is not enough memory", .fix = "see `ulimit -v` and what else runs on this machine"});
  return Error::defect({.what = text("defect in Muster: ", exception.what())});
}

}  // namespace muster::base
