#include "launcher/page/wrapped.h"

#include "runtime/base/text.h"

namespace muster::page {

std::string wrapped(const std::string& content, std::size_t indent, std::size_t width) {
  std::string out;
  std::string line(indent, ' ');
  bool is_empty = true;
  for (const std::string& word : base::split(content, ' ')) {
    if (!is_empty && line.size() + 1 + word.size() > width) {
      out += line + "\n";
      line.assign(indent, ' ');
      is_empty = true;
    }
    line += (is_empty ? "" : " ") + word;
    is_empty = false;
  }
  return out + line + "\n";
}

}  // namespace muster::page
