#include "runtime/data/row_json.h"

#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "runtime/base/error.h"
#include "runtime/base/json_text.h"
#include "runtime/base/text.h"
#include "runtime/base/utf8.h"

namespace muster::data {
namespace {

using nlohmann::json;

/// Builds what nlohmann's own parser builds, but for numbers.
class RowBuilder : public nlohmann::json_sax<json> {
 public:
  json take() { return std::move(root_); }

  bool null() override { return put(nullptr); }
  bool boolean(bool value) override { return put(value); }
  bool number_integer(number_integer_t value) override { return put(value); }
  bool number_unsigned(number_unsigned_t value) override { return put(value); }
  bool number_float(number_float_t, const string_t& digits) override { return put(digits); }
  bool string(string_t& value) override { return put(std::move(value)); }
  bool binary(binary_t&) override { return false; }
  bool start_object(std::size_t) override { return open(json::object()); }
  bool key(string_t& value) override {
    key_ = std::move(value);
    return true;
  }
  bool end_object() override { return close(); }
  bool start_array(std::size_t) override { return open(json::array()); }
  bool end_array() override { return close(); }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override { return false; }

 private:
  json& add(json value) {
    if (open_.empty()) return root_ = std::move(value);
    json& parent = *open_.back();
    if (parent.is_object()) return parent[key_] = std::move(value);
    parent.push_back(std::move(value));
    return parent.back();
  }
  bool put(json value) {
    add(std::move(value));
    return true;
  }
  bool open(json value) {
    open_.push_back(&add(std::move(value)));
    return true;
  }
  bool close() {
    open_.pop_back();
    return true;
  }

  json root_;
  std::vector<json*> open_;  // a child is added only while its parent does not grow
  std::string key_;
};

[[noreturn]] void refuse_encoding(const std::string& line) {
  std::size_t at = 0;
  for (base::Utf8Step step = base::utf8_step(line, at); step.valid; step = base::utf8_step(line, at)) at += step.size;
  throw Error::user({.what = base::text("this is no UTF-8: byte ", at + 1, " of the line is ",
                                        static_cast<int>(static_cast<unsigned char>(line[at])))});
}

}  // namespace

json parse_row(const std::string& line) {
  if (!base::is_utf8(line)) refuse_encoding(line);
  RowBuilder builder;
  if (base::json_depth(line) > base::kDeepestJson || !json::sax_parse(line, &builder)) {
    const json other = base::parse_json(line, "");  // says what is wrong
    throw Error::user({.what = "this is no JSON that can be kept"});
  }
  json row = builder.take();
  if (!row.is_object()) throw Error::user({.what = base::text("the row is no object but ", row.type_name())});
  return row;
}

}  // namespace muster::data
