#include "runtime/reward/protocol.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "runtime/base/error.h"
#include "runtime/base/text.h"

namespace muster::reward {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

std::string line_of(const ordered_json& object) {
  return object.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
}

// The members of the line, or one error whatever is wrong with it.
template <class Read>
auto parse_line(std::string_view line, const Read& read) {
  try {
    return read(ordered_json::parse(line));
  } catch (const json::exception& error) {
    throw Error::user({.what = std::string("a line between rank and reward worker is broken: ") + error.what()});
  }
}

// Every setting that a request can carry, once.
template <class Settings, class Visit>
void each_setting(Settings& settings, const Visit& visit) {
  visit("trim", settings.trim);
  visit("ignore_case", settings.ignore_case);
  visit("pattern", settings.pattern);
  visit("command", settings.command);
  visit("percent", settings.percent);
  visit("precision", settings.precision);
  visit("strict", settings.strict);
  visit("allow_set_relation_comp", settings.allow_set_relation_comp);
  visit("after_thinking", settings.after_thinking);
  visit("thinking_tags", settings.thinking_tags);
  visit("in_thinking", settings.in_thinking);
}

}  // namespace

ordered_json settings_value(const GradeSettings& settings) {
  const GradeSettings usual;
  ordered_json given = ordered_json::object(), fallback = ordered_json::object(), out = ordered_json::object();
  each_setting(settings, [&](const char* name, const auto& value) { given[name] = value; });
  each_setting(usual, [&](const char* name, const auto& value) { fallback[name] = value; });
  for (const auto& [name, value] : given.items())
    if (value != fallback[name]) out[name] = value;
  return out;
}

void read_settings(const ordered_json& object, GradeSettings& settings) {
  each_setting(settings, [&](const char* name, auto& value) {
    const auto found = object.find(name);
    if (found == object.end()) return;
    using Value = std::decay_t<decltype(value)>;
    bool fits = false;
    if constexpr (std::is_same_v<Value, bool>)
      fits = found->is_boolean();
    else if constexpr (std::is_same_v<Value, std::string>)
      fits = found->is_string();
    else if constexpr (std::is_same_v<Value, std::vector<std::string>>)
      fits =
          found->is_array() && std::all_of(found->begin(), found->end(), [](const auto& w) { return w.is_string(); });
    else
      fits = found->is_number_integer();
    if (!fits) throw Error::user({.what = base::text("'", name, "' cannot be ", found->dump().substr(0, 40))});
    value = found->template get<Value>();
  });
  if (settings.precision < 0 || settings.precision > 1000)
    throw Error::user({.what = base::text("'precision' cannot be ", settings.precision, ": 0 .. 1000")});
}

std::string request_line(const Request& request) {
  ordered_json object = {
      {"id", request.id}, {"kind", request.kind}, {"answer", request.answer}, {"gold", request.gold}};
  if (request.settings != GradeSettings{}) object["settings"] = settings_value(request.settings);
  if (!request.prompt.empty()) object["prompt"] = request.prompt;
  if (!request.row.empty()) object["row"] = request.row;
  return line_of(object);
}

Request parse_request(std::string_view line) {
  return parse_line(line, [](const ordered_json& object) {
    Request request{.id = object.at("id").get<std::int64_t>(),
                    .kind = object.at("kind"),
                    .answer = object.at("answer"),
                    .gold = object.at("gold"),
                    .prompt = object.value("prompt", ""),
                    .row = object.value("row", "")};
    if (const auto settings = object.find("settings"); settings != object.end())
      read_settings(*settings, request.settings);
    return request;
  });
}

std::string reply_line(const Reply& reply) {
  ordered_json object = {
      {"id", reply.id}, {"reward", reply.grade.reward}, {"outcome", outcome_name(reply.grade.outcome)}};
  if (!reply.note.empty()) object["note"] = reply.note;
  return line_of(object);
}

Reply parse_reply(std::string_view line) {
  return parse_line(line, [](const ordered_json& object) {
    return Reply{object.at("id").get<std::int64_t>(),
                 {object.at("reward").get<double>(), parse_outcome(object.at("outcome").get<std::string>())},
                 object.value("note", "")};
  });
}

}  // namespace muster::reward
