#include "runtime/chat/python_text.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>

#include "runtime/base/error.h"
#include "runtime/base/text.h"
#include "runtime/base/utf8.h"
#include "runtime/chat/unicode.h"

namespace muster::chat {
namespace {

[[noreturn]] void fail(const std::string& what) { throw Error::user({.what = what}); }

void append_hex(std::string& out, const char* format, std::int32_t number) {
  char text[16];
  std::snprintf(text, sizeof text, format, static_cast<unsigned>(number));
  out += text;
}

void append_repr(std::string& out, const std::string& text, Budget& budget) {
  budget.bytes(std::ssize(text) * 4);
  const char quote = text.find('\'') != std::string::npos && text.find('"') == std::string::npos ? '"' : '\'';
  out += quote;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t size = character_size(text, at);
    const std::int32_t point = base::code_point(std::string_view(text).substr(at, size));
    if (point == '\\' || point == quote)
      out.append("\\").append(1, static_cast<char>(point));
    else if (point == '\n')
      out += "\\n";
    else if (point == '\r')
      out += "\\r";
    else if (point == '\t')
      out += "\\t";
    else if (is_printable(point))
      out.append(text, at, size);
    else
      append_hex(out, point < 0x100 ? "\\x%02x" : point < 0x10000 ? "\\u%04x" : "\\U%08x", point);
    at += size;
  }
  out += quote;
}

void append_repr(std::string& out, const Value& value, Budget& budget) {
  budget.steps();
  budget.bytes(8);
  if (const std::string* text = value.as_text()) {
    append_repr(out, *text, budget);
  } else if (const auto* sequence = value.as<Sequence>(); sequence && !value.is_generator()) {
    const bool is_tuple = sequence->kind == SequenceKind::tuple;
    out += is_tuple ? '(' : '[';
    for (std::size_t i = 0; i < sequence->items->size(); ++i) {
      if (i > 0) out += ", ";
      append_repr(out, (*sequence->items)[i], budget);
    }
    if (is_tuple && sequence->items->size() == 1) out += ',';
    out += is_tuple ? ')' : ']';
  } else if (const Entries* entries = value.as_dict()) {
    out += '{';
    for (std::size_t i = 0; i < entries->size(); ++i) {
      if (i > 0) out += ", ";
      append_repr(out, (*entries)[i].first, budget);
      out += ": ";
      append_repr(out, (*entries)[i].second, budget);
    }
    out += '}';
  } else if (value.is<None>()) {
    out += "None";
  } else if (const bool* truth = value.as<bool>()) {
    out += *truth ? "True" : "False";
  } else if (const auto* whole = value.as<std::int64_t>()) {
    out += std::to_string(*whole);
  } else if (const double* real = value.as<double>()) {
    out += float_text(*real);
  } else if (value.is<Undefined>()) {
    out += "Undefined";
  } else {
    fail(base::text("a ", value.type_name(), " cannot be printed"));
  }
}

class JsonWriter {
 public:
  JsonWriter(const JsonStyle& style, Budget& budget) : style_(style), budget_(budget) {}

  void write(const Value& value, int level) {
    budget_.steps();
    budget_.bytes(8);
    if (const std::string* text = value.as_text())
      write_text(*text);
    else if (const List* items = value.as_list(); items && !value.is_generator())
      write_all(*items, level, '[', ']', [&](const Value& item) { write(item, level + 1); });
    else if (const Entries* entries = value.as_dict())
      write_all(style_.sort_keys ? sorted(*entries) : *entries, level, '{', '}', [&](const auto& entry) {
        write_text(key_text(entry.first));
        out_ += style_.key_separator;
        write(entry.second, level + 1);
      });
    else
      out_ += scalar(value);
  }
  std::string take() { return std::move(out_); }

 private:
  std::string scalar(const Value& value) const {
    if (value.is<None>()) return "null";
    if (const bool* truth = value.as<bool>()) return *truth ? "true" : "false";
    if (const auto* whole = value.as<std::int64_t>()) return std::to_string(*whole);
    if (const double* real = value.as<double>()) {
      if (std::isnan(*real)) return "NaN";
      return std::isinf(*real) ? (*real > 0 ? "Infinity" : "-Infinity") : float_text(*real);
    }
    if (const auto* undefined = value.as<Undefined>()) fail(*undefined->what);
    fail(base::text("a ", value.type_name(), " cannot be written as JSON"));
  }

  std::string key_text(const Value& key) const {
    if (const std::string* text = key.as_text()) return *text;
    if (key.as_list()) fail("a tuple cannot be a key of JSON");
    return scalar(key);
  }

  Entries sorted(Entries entries) const {
    budget_.steps(std::ssize(entries) * 16);
    std::stable_sort(entries.begin(), entries.end(),
                     [&](const auto& a, const auto& b) { return less(a.first, b.first, budget_); });
    return entries;
  }

  template <class Items, class Write>
  void write_all(const Items& items, int level, char open, char close, Write write_item) {
    out_ += open;
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (i > 0) out_ += style_.item_separator;
      break_line(level + 1);
      write_item(items[i]);
    }
    if (!items.empty()) break_line(level);
    out_ += close;
  }

  void break_line(int level) {
    if (!style_.is_indented) return;
    budget_.bytes(1 + std::ssize(style_.indent) * level);
    out_ += '\n';
    for (int i = 0; i < level; ++i) out_ += style_.indent;
  }

  void write_text(const std::string& text) {
    budget_.bytes(std::ssize(text) * 2);
    out_ += '"';
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t size = character_size(text, at);
      write_character(std::string_view(text).substr(at, size));
      at += size;
    }
    out_ += '"';
  }

  void write_character(std::string_view character) {
    constexpr std::string_view kShort = "\"\"\\\\\bb\ff\nn\rr\tt";  // what is escaped by one letter, and the letter
    const char c = character[0];
    for (std::size_t i = 0; character.size() == 1 && i < kShort.size(); i += 2)
      if (kShort[i] == c) {
        out_.append("\\").append(1, kShort[i + 1]);
        return;
      }
    const std::int32_t point = base::code_point(character);
    if (point >= 0x20 && (!style_.ensure_ascii || point < 0x7F)) {
      out_ += character;
    } else if (point < 0x10000) {
      append_hex(out_, "\\u%04x", point);
    } else {
      append_hex(out_, "\\u%04x", 0xD800 + ((point - 0x10000) >> 10));
      append_hex(out_, "\\u%04x", 0xDC00 + ((point - 0x10000) & 0x3FF));
    }
  }

  const JsonStyle& style_;
  Budget& budget_;
  std::string out_;
};

}  // namespace

std::string float_text(double number) {
  if (std::isnan(number)) return "nan";
  if (std::isinf(number)) return number > 0 ? "inf" : "-inf";
  char buffer[64];
  const auto wrote = std::to_chars(buffer, buffer + sizeof buffer, number, std::chars_format::scientific);
  std::string text(buffer, wrote.ptr);  // "-1.25e+03"
  const std::size_t e = text.find('e');
  const int exponent = std::stoi(text.substr(e + 1));
  if (exponent < -4 || exponent >= 16) return text;
  const std::string sign = text[0] == '-' ? "-" : "";
  std::string digits = text.substr(sign.size(), e - sign.size());
  std::erase(digits, '.');
  if (exponent < 0) return sign + "0." + std::string(static_cast<std::size_t>(-exponent - 1), '0') + digits;
  const auto whole = static_cast<std::size_t>(exponent) + 1;
  if (digits.size() < whole + 1) digits.resize(whole + 1, '0');
  return sign + digits.substr(0, whole) + "." + digits.substr(whole);
}

std::string text_of(const Value& value, Budget& budget) {
  if (value.is<Undefined>()) return "";
  if (const std::string* text = value.as_text()) {
    budget.bytes(static_cast<std::int64_t>(text->size()));
    return *text;
  }
  return repr_of(value, budget);
}

std::string repr_of(const Value& value, Budget& budget) {
  std::string out;
  append_repr(out, value, budget);
  return out;
}

std::string json_of(const Value& value, const JsonStyle& style, Budget& budget) {
  JsonWriter writer(style, budget);
  writer.write(value, 0);
  return writer.take();
}

}  // namespace muster::chat
