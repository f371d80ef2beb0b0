// What a rank and its reward workers say to each other over a stream socket: one JSON object a line, one reply for each
// request.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "runtime/reward/grade.h"

namespace muster::reward {

/// {"id":7,"kind":"math","answer":"... 42","gold":"42"}; the other members only where they say something.
struct Request {
  std::int64_t id = 0;
  std::string kind, answer, gold;
  GradeSettings settings = {};
  std::string prompt = {}, row = {};  // for the kind command; the row is JSON
};

/// {"id":7,"reward":1.0,"outcome":"graded"}; "note" where there is one.
struct Reply {
  std::int64_t id = 0;
  Grade grade;
  std::string note = {};  // why there is no grade, for people
};

/// Settings that differ from the defaults, by name.
nlohmann::ordered_json settings_value(const GradeSettings& settings);
/// Takes the settings that `object` has; other members are passed over. throws: Error::user with the name of one that
/// is of the wrong type or out of range.
void read_settings(const nlohmann::ordered_json& object, GradeSettings& settings);

/// With the newline. Bytes of an answer that are not UTF-8 become U+FFFD.
std::string request_line(const Request& request);
/// throws: Error::user.
Request parse_request(std::string_view line);
std::string reply_line(const Reply& reply);
/// throws: Error::user.
Reply parse_reply(std::string_view line);

/// A worker that has something to grade, and no reply to send, sends this line every kBeat_s: it is slow, not gone.
constexpr std::string_view kBeatLine = "\n";
constexpr double kBeat_s = 1;

/// A line may not be longer: an end that sends more is broken.
constexpr std::int64_t kMaxLineBytes = 64 << 20;

}  // namespace muster::reward
