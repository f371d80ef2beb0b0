#include "runtime/reward/program_reply.h"

#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

#include "runtime/base/json_text.h"
#include "runtime/base/text.h"

namespace muster::reward {
namespace {

using base::text;
using nlohmann::json;

constexpr std::string_view kBlanks = " \t\r\n";

std::optional<std::int64_t> whole_number(std::string_view word) {
  std::int64_t number = 0;
  const auto [end, code] = std::from_chars(word.data(), word.data() + word.size(), number);
  if (word.empty() || code != std::errc() || end != word.data() + word.size()) return std::nullopt;
  return number;
}

// The value of a member of something that looks like an object but is no JSON; with its quotes.
std::string_view raw_value(std::string_view line, std::string_view name) {
  const std::string quoted = text('"', name, '"');
  std::size_t at = line.find(quoted);
  if (at == std::string_view::npos) return {};
  at = line.find_first_not_of(kBlanks, at + quoted.size());
  if (at == std::string_view::npos || line[at] != ':') return {};
  at = line.find_first_not_of(kBlanks, at + 1);
  if (at == std::string_view::npos) return {};
  return line.substr(at, line.find_first_of(",} \t\r\n", at) - at);
}

std::string_view without_quotes(std::string_view word) {
  if (word.size() > 1 && word.front() == '"' && word.back() == '"') return word.substr(1, word.size() - 2);
  return word;
}

ProgramReply read_broken(std::string_view line) {
  ProgramReply reply{.id = whole_number(without_quotes(raw_value(line, "id")))};
  const std::string_view reward = raw_value(line, "reward");
  for (const char* word : {"NaN", "nan", "Infinity", "-Infinity", "inf", "-inf"})
    if (reward == word) reply.fault = text("\"reward\" is ", reward, ", which is no number");
  if (reply.fault.empty() && !reward.empty() && std::isinf(std::strtod(std::string(reward).c_str(), nullptr)))
    reply.fault = "\"reward\" is too large for a number";
  if (reply.fault.empty()) reply.fault = "this is no JSON";
  return reply;
}

std::optional<std::int64_t> id_of(const json& id) {
  if (id.is_number_unsigned() && id.get<std::uint64_t>() > INT64_MAX) return std::nullopt;
  if (id.is_number_integer()) return id.get<std::int64_t>();
  if (id.is_number_float() && std::abs(id.get<double>()) < 0x1p53 && std::trunc(id.get<double>()) == id.get<double>())
    return static_cast<std::int64_t>(id.get<double>());
  if (id.is_string()) return whole_number(id.get_ref<const std::string&>());
  return std::nullopt;
}

// The member that was meant, where there is no "reward": the first that holds a number.
std::string meant_instead(const json& object) {
  for (const auto& [name, value] : object.items())
    if (name != "id" && (value.is_number() || value.is_boolean()))
      return text("; did you mean \"reward\" where it says \"", shown_line(name, 40), "\"?");
  return "";
}

std::string fault_of(const json& object, std::int64_t id) {
  const auto found = object.find("reward");
  const std::string wanted = text("; want {\"id\": ", id, ", \"reward\": number}");
  if (found == object.end()) return text("no \"reward\"", wanted, meant_instead(object));
  if (found->is_string()) return "\"reward\" is text" + wanted;
  if (found->is_array()) return "\"reward\" is a list" + wanted;
  return text("\"reward\" is ", found->is_object() ? "an object" : "null", wanted);
}

}  // namespace

std::string shown_line(std::string_view line, std::size_t most) {
  std::string shown(line.substr(0, most));
  for (char& c : shown)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  return line.size() > most ? shown + "..." : shown;
}

ProgramReply read_program_reply(std::string_view line) {
  const std::size_t begin = line.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos || line[begin] != '{') return {};
  line.remove_prefix(begin);
  if (base::json_depth(line) > base::kDeepestJson) return read_broken(line);
  const json object = json::parse(line, nullptr, false);
  if (!object.is_object()) return read_broken(line);
  const auto id = object.find("id");
  ProgramReply reply{.id = id == object.end() ? std::nullopt : id_of(*id)};
  if (!reply.id) return reply;
  if (id->is_string()) {
    reply.fault = text("\"id\" is text; want the number that was sent, ", *reply.id);
    return reply;
  }
  const auto reward = object.find("reward");
  if (reward != object.end() && reward->is_boolean())
    reply.reward = reward->get<bool>() ? 1 : 0;
  else if (reward != object.end() && reward->is_number() && std::isfinite(reward->get<double>()))
    reply.reward = reward->get<double>();
  else
    reply.fault = fault_of(object, *reply.id);
  return reply;
}

}  // namespace muster::reward
