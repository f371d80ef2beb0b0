// What one line that a reward program wrote to its standard output says: a verdict, a reply that is none, or something
// else that it printed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace muster::reward {

/// {"id": 7, "reward": 1.0}; true and false are 1 and 0.
struct ProgramReply {
  std::optional<std::int64_t> id;  // none: the line belongs to no answer
  std::optional<double> reward;    // finite; none: the line is no verdict
  std::string fault;               // why it is none, for people: "no \"reward\"; want {...}"
};

/// The id is found in lines that are no JSON too ({"id": 7, "reward": NaN}), so that a reply fails the answer that it
/// belongs to.
ProgramReply read_program_reply(std::string_view line);

/// A line as it stands in messages: no more than `most` bytes of it, control characters replaced.
std::string shown_line(std::string_view line, std::size_t most = 160);

}  // namespace muster::reward
