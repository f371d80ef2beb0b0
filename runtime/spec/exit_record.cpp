// rank_<r>.exit: how a rank ended, as the node agent saw it.
#include <cstring>
#include <nlohmann/json.hpp>

#include "runtime/base/error.h"
#include "runtime/base/text.h"
#include "runtime/spec/plan.h"

namespace muster::spec {

using base::text;
using nlohmann::ordered_json;

std::string exit_record_json(const ExitRecord& record) {
  ordered_json object;
  object["rank"] = record.rank;
  object["host"] = record.host;
  object["attempt_id"] = record.attempt_id;
  object["code"] = record.code;
  object["signal"] = record.signal;
  object["ended_by_agent"] = record.ended_by_agent;
  object["silent"] = record.silent;
  object["peak_memory_bytes"] = record.peak_memory_bytes;
  object["cpu_s"] = record.cpu_s;
  object["phase"] = record.phase;
  object["last_call"] = record.last_call;
  object["message"] = record.message;
  return object.dump(-1, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

ExitRecord parse_exit_record(const std::string& content, const std::string& where) {
  try {
    const ordered_json object = ordered_json::parse(content);
    ExitRecord record;
    object.at("rank").get_to(record.rank);
    object.at("host").get_to(record.host);
    object.at("attempt_id").get_to(record.attempt_id);
    object.at("code").get_to(record.code);
    object.at("signal").get_to(record.signal);
    object.at("ended_by_agent").get_to(record.ended_by_agent);
    object.at("silent").get_to(record.silent);
    object.at("peak_memory_bytes").get_to(record.peak_memory_bytes);
    object.at("cpu_s").get_to(record.cpu_s);
    object.at("phase").get_to(record.phase);
    object.at("last_call").get_to(record.last_call);
    object.at("message").get_to(record.message);
    return record;
  } catch (const ordered_json::exception& error) {
    throw Error::user({.what = text("not an exit record: ", error.what()),
                       .where = where,
                       .fix = "the node agent writes it; remove the broken file"});
  }
}

std::string exit_sentence(const ExitRecord& record) {
  std::string sentence = text("rank ", record.rank, " on ", record.host.empty() ? "an unknown host" : record.host);
  if (record.silent) {
    sentence += " fell silent";
  } else if (record.signal != 0) {
    const char* name = sigabbrev_np(record.signal);
    sentence += text(" was ended by signal ", record.signal, name == nullptr ? "" : text(" (SIG", name, ")"));
  } else {
    sentence += text(" left with code ", record.code);
  }
  if (!record.phase.empty()) sentence += " in phase " + record.phase;
  if (!record.last_call.empty()) sentence += ", last collective " + record.last_call;
  if (!record.message.empty()) sentence += ": " + record.message;
  return sentence;
}

}  // namespace muster::spec
