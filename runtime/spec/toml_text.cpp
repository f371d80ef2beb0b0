#include "runtime/spec/toml_text.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "runtime/base/error.h"

namespace muster::spec {

using nlohmann::ordered_json;

std::string toml_quoted(std::string_view value) {
  std::string quoted = "\"";
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      quoted += {'\\', c};
    } else if (c == '\n') {
      quoted += "\\n";
    } else if (c == '\t') {
      quoted += "\\t";
    } else if (byte < 0x20 || byte == 0x7f) {
      std::array<char, 8> escape{};
      std::snprintf(escape.data(), escape.size(), "\\u%04X", byte);
      quoted += escape.data();
    } else {
      quoted += c;
    }
  }
  return quoted + "\"";
}

namespace {

std::string real_text(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  std::array<char, 64> buffer{};
  const auto end =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr;  // shortest that reads back equal
  std::string shortest(buffer.data(), end);
  if (shortest.find_first_of(".e") == std::string::npos) shortest += ".0";
  return shortest;
}

bool is_list_of_objects(const ordered_json& value) {
  return value.is_array() && !value.empty() && value.front().is_object();
}

std::string key_text(const std::string& key) {
  const bool is_bare =
      !key.empty() &&
      key.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == std::string::npos;
  return is_bare ? key : toml_quoted(key);
}

void write_table(const ordered_json& object, const std::string& path, std::string& out) {
  for (const auto& [key, value] : object.items()) {
    if (value.is_object() || value.is_null()) continue;
    out += key_text(key) + " = ";
    if (!is_list_of_objects(value)) {
      out += toml_value(value) + "\n";
      continue;
    }
    out += "[\n";
    for (const ordered_json& item : value) out += "  " + toml_value(item) + ",\n";
    out += "]\n";
  }
  for (const auto& [key, value] : object.items()) {
    if (!value.is_object()) continue;
    const std::string below = path.empty() ? key_text(key) : path + "." + key_text(key);
    out += "\n[" + below + "]\n";
    write_table(value, below, out);
  }
}

}  // namespace

std::string toml_value(const ordered_json& value) {
  if (value.is_string()) return toml_quoted(value.get_ref<const std::string&>());
  if (value.is_boolean()) return value.get<bool>() ? "true" : "false";
  if (value.is_number_float()) return real_text(value.get<double>());
  if (value.is_number_unsigned()) return std::to_string(value.get<std::uint64_t>());
  if (value.is_number_integer()) return std::to_string(value.get<std::int64_t>());
  std::string out;
  if (value.is_array()) {
    for (const ordered_json& item : value) out += (out.empty() ? "" : ", ") + toml_value(item);
    return "[" + out + "]";
  }
  INVARIANT(value.is_object(), "TOML has no null");
  for (const auto& [key, item] : value.items()) {
    if (!item.is_null()) out += (out.empty() ? "" : ", ") + key_text(key) + " = " + toml_value(item);
  }
  return "{ " + out + " }";
}

std::string toml_text(const ordered_json& object) {
  std::string out;
  write_table(object, "", out);
  return out;
}

}  // namespace muster::spec
