#include "runtime/data/json_node.h"

#include "runtime/base/error.h"
#include "runtime/base/json_text.h"
#include "runtime/base/text.h"

namespace muster::data {

JsonNode JsonNode::at(const std::string& key) const {
  if (!value_->is_object()) fail(base::text("an object is expected here, not ", value_->type_name()));
  const auto found = value_->find(key);
  if (found == value_->end()) fail("key '" + key + "' is missing");
  return {*found, file_, place_.empty() ? key : place_ + "." + key};
}

JsonNode JsonNode::at(std::size_t index) const {
  return {(*value_)[index], file_, base::text(place_, "[", index, "]")};
}

bool JsonNode::has(const std::string& key) const {
  if (!value_->is_object()) fail(base::text("an object is expected here, not ", value_->type_name()));
  const auto found = value_->find(key);
  return found != value_->end() && !found->is_null();
}

void JsonNode::each(const std::function<void(const JsonNode&)>& take) const {
  if (!value_->is_array()) fail(base::text("an array is expected here, not ", value_->type_name()));
  for (std::size_t i = 0; i < value_->size(); ++i) take(at(i));
}

const std::string& JsonNode::text() const {
  if (!value_->is_string()) fail(base::text("text is expected here, not ", value_->type_name()));
  return value_->get_ref<const std::string&>();
}

std::int64_t JsonNode::integer(std::int64_t least, std::int64_t most) const {
  if (!value_->is_number_integer())
    fail(base::text("a whole number is expected here, not ",
                    value_->is_number() ? value_->dump() : value_->type_name()));
  const bool too_large =
      value_->is_number_unsigned() && value_->get<std::uint64_t>() > static_cast<std::uint64_t>(most);
  if (too_large || value_->get<std::int64_t>() < least || value_->get<std::int64_t>() > most)
    fail(base::text(value_->dump(), " is out of range: ", least, " to ", most));
  return value_->get<std::int64_t>();
}

bool JsonNode::flag() const {
  if (!value_->is_boolean()) fail(base::text("true or false is expected here, not ", value_->type_name()));
  return value_->get<bool>();
}

bool JsonNode::flag(const std::string& key, bool when_absent) const { return has(key) ? at(key).flag() : when_absent; }

std::string JsonNode::where() const { return place_.empty() ? file_ : file_ + ": " + place_; }

void JsonNode::fail(const std::string& what, const std::string& fix) const {
  throw Error::user({.what = what, .where = where(), .fix = fix});
}

void JsonNode::refuse_type(const std::string& known) const {
  fail("type '" + type() + "' is not supported", "supported here: " + known);
}

nlohmann::json parse_json(const std::string& text, const std::string& file) {
  return base::parse_json(text, file, "the file may be cut off or no tokenizer at all: fetch it again");
}

}  // namespace muster::data
