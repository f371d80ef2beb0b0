#include "launcher/keys/page.h"

#include <algorithm>

#include "launcher/page/wrapped.h"
#include "runtime/base/columns.h"
#include "runtime/base/text.h"

namespace muster::keys {

using base::left;
using base::text;
using page::kPageColumns;
using page::wrapped;

std::string keys_page(const std::vector<spec::KeyInfo>& keys) {
  std::string out;
  std::string table = "?";
  for (const spec::KeyInfo& key : keys) {
    const std::size_t dot = key.key.find('.');
    const std::string here = dot == std::string::npos ? "" : key.key.substr(0, dot);
    if (here != table) {
      table = here;
      out += (out.empty() ? "" : "\n") + (here.empty() ? std::string("top level") : "[" + here + "]") + "\n";
    }
    const std::string name = dot == std::string::npos ? key.key : key.key.substr(dot + 1);
    std::string facts = key.type;
    if (!key.range.empty()) facts += " " + key.range;
    if (!key.unit.empty() && key.unit != facts) facts += ", " + key.unit;
    const std::string first =
        text("  ", left(text(name, key.fallback.empty() ? "" : " = " + key.fallback), 36), " ", facts);
    out += (first.size() <= kPageColumns ? first + "\n"
                                         : text("  ", name, " = ", key.fallback, "\n") + wrapped(facts, 39));
    out += wrapped(key.meaning, 6);
  }
  return out;
}

std::string step_fields_page(const std::vector<spec::FieldInfo>& fields, const std::string& file) {
  std::string out = "fields of a line of " + file + "; = marks those in which two identical runs agree\n\n";
  for (const spec::FieldInfo& field : fields) {
    const std::string body = wrapped(field.meaning, 43);
    out += text(field.identical ? "= " : "  ", left(field.name, 31), left(field.unit, 10)) +
           body.substr(std::min<std::size_t>(43, body.size()));
  }
  return out;
}

}  // namespace muster::keys
