#include "runtime/reward/protocol.h"

#include <nlohmann/json.hpp>

#include "runtime/base/error.h"

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
    return read(json::parse(line));
  } catch (const json::exception& error) {
    throw Error::user({.what = std::string("a line between rank and reward worker is broken: ") + error.what()});
  }
}

}  // namespace

std::string request_line(const Request& request) {
  ordered_json object = {
      {"id", request.id}, {"kind", request.kind}, {"answer", request.answer}, {"gold", request.gold}};
  const GradeSettings& settings = request.settings;
  if (settings != GradeSettings{})
    object["settings"] = {
        {"trim", settings.trim}, {"ignore_case", settings.ignore_case}, {"percent", settings.percent}};
  return line_of(object);
}

Request parse_request(std::string_view line) {
  return parse_line(line, [](const json& object) {
    Request request{.id = object.at("id").get<std::int64_t>(),
                    .kind = object.at("kind"),
                    .answer = object.at("answer"),
                    .gold = object.at("gold")};
    if (const auto settings = object.find("settings"); settings != object.end()) {
      request.settings.trim = settings->at("trim").get<bool>();
      request.settings.ignore_case = settings->at("ignore_case").get<bool>();
      request.settings.percent = settings->at("percent").get<bool>();
    }
    return request;
  });
}

std::string reply_line(const Reply& reply) {
  return line_of({{"id", reply.id}, {"reward", reply.grade.reward}, {"outcome", outcome_name(reply.grade.outcome)}});
}

Reply parse_reply(std::string_view line) {
  return parse_line(line, [](const json& object) {
    return Reply{object.at("id").get<std::int64_t>(),
                 {object.at("reward").get<double>(), parse_outcome(object.at("outcome").get<std::string>())}};
  });
}

}  // namespace muster::reward
