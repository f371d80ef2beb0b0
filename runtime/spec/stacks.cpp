#include "runtime/spec/stacks.h"

#include <nlohmann/json.hpp>

#include "runtime/base/error.h"
#include "runtime/base/json_text.h"
#include "runtime/base/text.h"
#include "runtime/spec/record_visitors.h"

namespace muster::spec {

using base::text;
using nlohmann::json;
using nlohmann::ordered_json;

namespace {

constexpr const char* kAskAgain = "ask again with `muster stacks`";

template <class Visitor, class Record>
void describe_thread(Visitor& v, Record& r) {
  v.field("id", r.id);
  v.field("name", r.name);
  v.field("state", r.state);
  v.field("waits_in", r.waits_in);
  v.field("syscall", r.syscall);
  v.field("frames", r.frames);
  v.field("is_cut", r.is_cut);
}

template <class Visitor, class Record>
void describe_rank(Visitor& v, Record& r) {
  v.field("rank", r.rank);
  v.field("pid", r.pid);
  v.field("phase", r.phase);
  v.field("step", r.step);
  v.field("in_call", r.in_call);
  v.field("calls", r.calls);
  v.field("last_call", r.last_call);
  v.field("still_s", r.still_s);
  v.list("threads", r.threads, [](auto& below, auto& thread) { describe_thread(below, thread); });
}

template <class Visitor, class Record>
void describe_frame(Visitor& v, Record& r) {
  v.field("module", r.module);
  v.field("address", r.address);
  v.field("symbol", r.symbol);
}

template <class Visitor, class Record>
void describe_stacks_of_node(Visitor& v, Record& r) {
  v.field("number", r.number);
  v.field("time_s", r.time_s);
  v.field("slot", r.slot);
  v.field("host", r.host);
  v.field("reason", r.reason);
  v.list("ranks", r.ranks, [](auto& below, auto& rank) { describe_rank(below, rank); });
  v.list("frames", r.frames, [](auto& below, auto& frame) { describe_frame(below, frame); });
}

/// Every frame of a thread is among those of the node. Returns what is not, or "".
std::string frame_fault(const NodeStacks& stacks) {
  for (const RankStacks& rank : stacks.ranks)
    for (const ThreadStack& thread : rank.threads)
      for (const std::size_t frame : thread.frames)
        if (frame >= stacks.frames.size())
          return text("frame ", frame, " of thread ", thread.id, " is not among the ", stacks.frames.size());
  return "";
}

}  // namespace

std::string stacks_request_text(std::int64_t number) {
  return base::json_text(ordered_json{{"number", number}}) + "\n";
}

std::int64_t parse_stacks_request(const std::string& content, const std::string& where) {
  const json value = base::parse_json(content, where, kAskAgain);
  if (!value.is_object() || !value.contains("number") || !value["number"].is_number_integer())
    throw Error::user({.what = "no question for stacks: it has no number", .where = where, .fix = kAskAgain});
  return value["number"];
}

std::string node_stacks_text(const NodeStacks& stacks) {
  FieldWriter writer;
  describe_stacks_of_node(writer, stacks);
  return base::json_text(writer.object) + "\n";
}

NodeStacks parse_node_stacks(const std::string& content, const std::string& where) {
  const ordered_json value = base::parse_json(content, where, kAskAgain);
  NodeStacks stacks;
  FieldReader reader(value);
  describe_stacks_of_node(reader, stacks);
  const std::string fault = reader.fault.empty() ? frame_fault(stacks) : reader.fault;
  if (!fault.empty())
    throw Error::user({.what = text("no stacks of a node: ", fault), .where = where, .fix = kAskAgain});
  return stacks;
}

}  // namespace muster::spec
