#include "runtime/spec/stacks.h"

#include <nlohmann/json.hpp>

#include "runtime/base/error.h"
#include "runtime/base/json_text.h"
#include "runtime/base/text.h"

namespace muster::spec {

using base::text;
using nlohmann::json;
using nlohmann::ordered_json;

namespace {

constexpr const char* kAskAgain = "ask again with `muster stacks`";

ordered_json value_of(const ThreadStack& thread) {
  return {{"id", thread.id},
          {"name", thread.name},
          {"state", std::string(1, thread.state)},
          {"waits_in", thread.waits_in},
          {"syscall", thread.syscall},
          {"frames", thread.frames},
          {"is_cut", thread.is_cut}};
}

ordered_json value_of(const RankStacks& rank) {
  ordered_json value{{"rank", rank.rank},           {"pid", rank.pid},         {"phase", rank.phase},
                     {"step", rank.step},           {"in_call", rank.in_call}, {"calls", rank.calls},
                     {"last_call", rank.last_call}, {"still_s", rank.still_s}};
  value["threads"] = ordered_json::array();
  for (const ThreadStack& thread : rank.threads) value["threads"].push_back(value_of(thread));
  return value;
}

ThreadStack thread_of(const json& value, std::size_t num_frames) {
  ThreadStack thread{.id = value.at("id"),
                     .name = value.at("name"),
                     .waits_in = value.at("waits_in"),
                     .syscall = value.at("syscall"),
                     .frames = value.at("frames"),
                     .is_cut = value.at("is_cut")};
  const std::string state = value.at("state");
  if (!state.empty()) thread.state = state[0];
  for (const std::size_t frame : thread.frames)
    if (frame >= num_frames)
      throw Error::user({.what = text("frame ", frame, " of thread ", thread.id, " is not among the ", num_frames)});
  return thread;
}

RankStacks rank_of(const json& value, std::size_t num_frames) {
  RankStacks rank{.rank = value.at("rank"),
                  .pid = value.at("pid"),
                  .phase = value.at("phase"),
                  .step = value.at("step"),
                  .in_call = value.at("in_call"),
                  .calls = value.at("calls"),
                  .last_call = value.at("last_call"),
                  .still_s = value.at("still_s")};
  for (const json& thread : value.at("threads")) rank.threads.push_back(thread_of(thread, num_frames));
  return rank;
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
  ordered_json value{{"number", stacks.number},
                     {"time_s", stacks.time_s},
                     {"slot", stacks.slot},
                     {"host", stacks.host},
                     {"reason", stacks.reason}};
  value["ranks"] = ordered_json::array();
  for (const RankStacks& rank : stacks.ranks) value["ranks"].push_back(value_of(rank));
  value["frames"] = ordered_json::array();
  for (const StackFrame& frame : stacks.frames)
    value["frames"].push_back({{"module", frame.module}, {"address", frame.address}, {"symbol", frame.symbol}});
  return base::json_text(value) + "\n";
}

NodeStacks parse_node_stacks(const std::string& content, const std::string& where) {
  const json value = base::parse_json(content, where, kAskAgain);
  try {
    NodeStacks stacks{.number = value.at("number"),
                      .time_s = value.at("time_s"),
                      .slot = value.at("slot"),
                      .host = value.at("host"),
                      .reason = value.at("reason")};
    for (const json& frame : value.at("frames"))
      stacks.frames.push_back(
          {.module = frame.at("module"), .address = frame.at("address"), .symbol = frame.at("symbol")});
    for (const json& rank : value.at("ranks")) stacks.ranks.push_back(rank_of(rank, stacks.frames.size()));
    return stacks;
  } catch (const json::exception& error) {
    throw Error::user({.what = text("no stacks of a node: ", error.what()), .where = where, .fix = kAskAgain});
  }
}

}  // namespace muster::spec
