#include "runtime/data/normalizer.h"

#include <utf8proc.h>

#include <algorithm>
#include <cstdlib>
#include <memory>

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

void append_form(std::string& out, std::string_view text, int form) {
  if (text.empty()) return;
  utf8proc_uint8_t* made = nullptr;
  const utf8proc_ssize_t size =
      utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()), static_cast<utf8proc_ssize_t>(text.size()),
                   &made, static_cast<utf8proc_option_t>(UTF8PROC_STABLE | form));
  const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owner(made, &std::free);
  if (size < 0) throw Error::user({.what = std::string("the text cannot be normalised: ") + utf8proc_errmsg(size)});
  out.append(reinterpret_cast<const char*>(made), static_cast<std::size_t>(size));
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
