#include "runtime/data/stream_decoder.h"

#include <utility>

#include "runtime/base/utf8.h"
#include "runtime/data/tokenizer.h"

namespace muster::data {
namespace {

// Where a character begins whose bytes are right so far but end too early; the size of `bytes` when none does.
std::size_t begin_of_unfinished(std::string_view bytes) {
  for (std::size_t back = 1; back <= 3 && back <= bytes.size(); ++back) {
    const std::size_t at = bytes.size() - back;
    const auto first = static_cast<unsigned char>(bytes[at]);
    if ((first & 0xC0) == 0x80) continue;  // not the first byte of one
    const std::size_t needed = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : first >= 0xC2 ? 2 : 1;
    const bool may_go_on = needed > back && base::utf8_step(bytes, at).size == back && (back > 1 || first <= 0xF4);
    return may_go_on ? at : bytes.size();
  }
  return bytes.size();
}

}  // namespace

std::string StreamDecoder::take(std::int32_t id) {
  held_ += tokenizer_.bytes_of(id, skip_special_);
  const std::size_t end = begin_of_unfinished(held_);
  std::string text = base::lossy_utf8(std::string_view(held_).substr(0, end));
  held_.erase(0, end);
  return text;
}

std::string StreamDecoder::finish() { return base::lossy_utf8(std::exchange(held_, {})); }

}  // namespace muster::data
