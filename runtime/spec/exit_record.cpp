// rank_<r>.exit: how a rank ended, as the node agent saw it.
#include <cstring>

#include "runtime/base/error.h"
#include "runtime/base/json_text.h"
#include "runtime/base/text.h"
#include "runtime/spec/plan.h"
#include "runtime/spec/record_visitors.h"

namespace muster::spec {

using base::text;
using nlohmann::ordered_json;

namespace {

template <class Visitor, class Record>
void describe_exit(Visitor& v, Record& r) {
  v.field("rank", r.rank);
  v.field("host", r.host);
  v.field("attempt_id", r.attempt_id);
  v.field("code", r.code);
  v.field("signal", r.signal);
  v.field("ended_by_agent", r.ended_by_agent);
  v.field("silent", r.silent);
  v.field("peak_memory_bytes", r.peak_memory_bytes);
  v.field("cpu_s", r.cpu_s);
  v.field("phase", r.phase);
  v.field("last_call", r.last_call);
  v.field("message", r.message);
}

}  // namespace

std::string exit_record_json(const ExitRecord& record) {
  FieldWriter writer;
  describe_exit(writer, record);
  return base::json_text(writer.object) + "\n";
}

ExitRecord parse_exit_record(const std::string& content, const std::string& where) {
  ExitRecord record;
  const auto object = ordered_json::parse(content, nullptr, false);
  FieldReader reader(object);
  describe_exit(reader, record);
  if (!reader.fault.empty())
    throw Error::user({.what = text("not an exit record: ", reader.fault),
                       .where = where,
                       .fix = "the node agent writes it; remove the broken file"});
  return record;
}

std::string exit_sentence(const ExitRecord& record) {
  const std::string who = text("rank ", record.rank, " on ", record.host.empty() ? "an unknown host" : record.host);
  // What a person has to fix comes first.
  if (record.code == 2 && !record.silent && !record.message.empty())
    return text(record.message, " (", who, record.phase.empty() ? "" : ", in phase " + record.phase, ")");
  std::string sentence = who;
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
