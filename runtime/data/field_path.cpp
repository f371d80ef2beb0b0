#include "runtime/data/field_path.h"

#include <nlohmann/json.hpp>
#include <vector>

#include "runtime/base/text.h"

namespace muster::data {
namespace {

constexpr std::size_t kShownFields = 20, kShownBytes = 300;

}  // namespace

template <class Json>
std::string missing_field_text(const Json& row, const std::string& path) {
  // The deepest part of the path that is there: its members are what could be meant.
  const Json* reached = &row;
  std::string way, rest = path;
  for (std::size_t dot = path.find('.'); dot != path.npos; dot = path.find('.', dot + 1)) {
    const Json* below = find_field(row, std::string_view(path).substr(0, dot));
    if (below == nullptr || !below->is_object()) continue;
    reached = below;
    way = path.substr(0, dot);
    rest = path.substr(dot + 1);
  }
  std::vector<std::string> names;
  if (reached->is_object())
    for (const auto& [name, value] : reached->items()) names.push_back(name);
  const std::string near = base::nearest(rest, names);
  if (names.size() > kShownFields) names.resize(kShownFields), names.push_back("...");
  std::string known = base::join(names, ", ");
  if (known.size() > kShownBytes) known = base::text(names.size(), " fields");
  std::string what = "field '" + path + "' is missing";
  what += names.empty() ? "; the row is empty"
                        : base::text("; ", way.empty() ? "the row" : "'" + way + "'", " has ", known);
  if (!near.empty()) what += ": did you mean '" + (way.empty() ? near : way + "." + near) + "'?";
  return what;
}

template std::string missing_field_text(const nlohmann::json&, const std::string&);
template std::string missing_field_text(const nlohmann::ordered_json&, const std::string&);

}  // namespace muster::data
