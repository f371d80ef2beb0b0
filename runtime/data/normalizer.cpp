#include "runtime/data/normalizer.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>

#include "runtime/base/error.h"
#include "runtime/base/utf8.h"
#include "runtime/data/json_node.h"
#include "runtime/data/newer_characters.h"

namespace muster::data {

Normalizer Normalizer::parse(const JsonNode& node) {
  Normalizer normalizer;
  normalizer.add(node, 0);
  return normalizer;
}

void Normalizer::add(const JsonNode& node, int depth) {
  const std::string& type = node.type();
  if (type == "NFC")
    forms_.push_back(UTF8PROC_COMPOSE);
  else if (type == "NFD")
    forms_.push_back(UTF8PROC_DECOMPOSE);
  else if (type == "NFKC")
    forms_.push_back(UTF8PROC_COMPOSE | UTF8PROC_COMPAT);
  else if (type == "NFKD")
    forms_.push_back(UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT);
  else if (type == "Sequence" && depth < 8)
    node.at("normalizers").each([&](const JsonNode& inner) { add(inner, depth + 1); });
  else
    node.refuse_type("NFC, NFD, NFKC, NFKD, Sequence");
}

namespace {

utf8proc_option_t options_of(int form) { return static_cast<utf8proc_option_t>(UTF8PROC_STABLE | form); }

void append_decomposed(std::vector<std::int32_t>& points, std::int32_t point, int form) {
  std::array<std::int32_t, 32> parts;  // U+FDFA has 18
  int unused = 0;
  const utf8proc_ssize_t count = utf8proc_decompose_char(point, parts.data(), parts.size(), options_of(form), &unused);
  INVARIANT(count >= 0 && count <= static_cast<utf8proc_ssize_t>(parts.size()), "no character is made of more");
  points.insert(points.end(), parts.begin(), parts.begin() + count);
}

// Marks in a row by their combining class. utf8proc's own way takes a time that grows with the square of their number.
void order_marks(std::vector<std::int32_t>& points) {
  const auto mark_class = [](std::int32_t point) { return utf8proc_get_property(point)->combining_class; };
  for (auto begin = points.begin(); begin != points.end();) {
    const auto end = std::find_if(begin, points.end(), [&](std::int32_t point) { return mark_class(point) == 0; });
    std::stable_sort(begin, end, [&](std::int32_t a, std::int32_t b) { return mark_class(a) < mark_class(b); });
    begin = end == points.end() ? end : end + 1;
  }
}

void append_form(std::string& out, std::string_view text, int form) {
  std::vector<std::int32_t> points;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t size = base::utf8_step(text, at).size;
    append_decomposed(points, base::code_point(text.substr(at, size)), form);
    at += size;
  }
  order_marks(points);
  if (form & UTF8PROC_COMPOSE) {
    const auto size = static_cast<utf8proc_ssize_t>(points.size());
    points.resize(static_cast<std::size_t>(utf8proc_normalize_utf32(points.data(), size, options_of(form))));
  }
  for (const std::int32_t point : points) base::append_utf8(out, point);
}

// An inert character parts the text: nothing moves over it or composes with it.
std::string in_form(std::string_view text, int form) {
  std::string out;
  std::size_t begin = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t size = base::utf8_step(text, at).size;
    if (size > 1 && is_inert(base::code_point(text.substr(at, size)))) {
      append_form(out, text.substr(begin, at - begin), form);
      out.append(text, at, size);
      begin = at + size;
    }
    at += size;
  }
  append_form(out, text.substr(begin), form);
  return out;
}

}  // namespace

std::string Normalizer::normalized(std::string_view text) const {
  std::string out(text);
  for (const int form : forms_) {
    if (std::all_of(out.begin(), out.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; })) return out;
    out = in_form(out, form);
  }
  return out;
}

}  // namespace muster::data
