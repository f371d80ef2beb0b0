// The part of a reply that is graded: what stands behind the thinking, within <answer> tags where there are some.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace muster::reward {

/// The names of tags that the built-in kinds take for thinking when nobody says otherwise.
const std::vector<std::string>& usual_thinking_tags();

/// What follows the last closed block of thinking; of this, the content of the last <answer>...</answer> that is not
/// empty (one that is never closed reaches to the end). None when a block is still open at the end. `in_thinking`: the
/// prompt has opened a block, so a reply that closes none is all thinking. A tag is <name>, [name] or ◁name▷ in upper
/// or lower case. Time and memory are linear in the text.
std::optional<std::string_view> answer_part(std::string_view reply, const std::vector<std::string>& thinking_tags,
                                            bool in_thinking = false);

/// Whether a prompt ends with a tag that opens thinking, as the chat templates of some models write it.
bool opens_thinking(std::string_view prompt, const std::vector<std::string>& thinking_tags);

/// Whether a regular expression names a tag of thinking or of the answer: it is about the form of the whole reply.
bool names_tags(std::string_view pattern, const std::vector<std::string>& thinking_tags);

}  // namespace muster::reward
