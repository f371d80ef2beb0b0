#include "runtime/chat/filters.h"

#include "runtime/chat/python_text.h"

namespace muster::chat {

std::string FilterCall::text() const { return text_of(value, budget); }

bool is_filter(const std::string& name) { return text_filter(name) || list_filter(name); }

Value filtered(const std::string& name, const Value& value, const Arguments& arguments, Budget& budget) {
  const Filter* filter = text_filter(name);
  if (!filter) filter = list_filter(name);
  if (const std::string* text = value.as_text()) budget.steps(1 + static_cast<std::int64_t>(text->size() / 16));
  return filter->run({name, value, arguments, budget});
}

}  // namespace muster::chat
