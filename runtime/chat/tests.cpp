#include "runtime/chat/tests.h"

#include <algorithm>
#include <array>

#include "runtime/base/error.h"
#include "runtime/base/text.h"
#include "runtime/chat/filters.h"
#include "runtime/chat/python_text.h"
#include "runtime/chat/unicode.h"

namespace muster::chat {
namespace {

struct Subject {
  const std::string& name;
  const Value& value;
  const Arguments& arguments;
  Budget& budget;

  const Value& other() const { return *arguments.bound("test '" + name + "'", {"other"}, 1)[0]; }
};

struct Test {
  const char* name;
  bool (*passes)(const Subject&);
};

bool equals(const Subject& subject) { return equal(subject.value, subject.other(), subject.budget); }
bool is_less(const Subject& subject) { return less(subject.value, subject.other(), subject.budget); }
bool is_greater(const Subject& subject) { return less(subject.other(), subject.value, subject.budget); }
bool at_most(const Subject& subject) { return equals(subject) || is_less(subject); }
bool at_least(const Subject& subject) { return equals(subject) || is_greater(subject); }

std::int64_t remainder(const Subject& subject, std::int64_t divisor) {
  if (!subject.value.is_whole())
    throw Error::user({.what = base::text("a whole number is expected here, not ", subject.value.type_name())});
  if (divisor == 0) throw Error::user({.what = "a division by zero"});
  return divisor == -1 ? 0 : subject.value.whole() % divisor;
}

bool is_same(const Subject& subject) {
  const Value &a = subject.value, &b = subject.other();
  if (a.content().index() != b.content().index()) return false;
  if (a.as_list()) return a.as_list() == b.as_list();
  if (a.as_dict()) return a.as_dict() == b.as_dict();
  return equals(subject);
}

bool is_cased(const Subject& subject, std::string (*made)(std::string_view), std::string (*other)(std::string_view)) {
  const std::string text = text_of(subject.value, subject.budget);
  return made(text) == text && other(text) != text;
}

bool has_length(const Value& value) {
  return value.as_text() || value.as_dict() || value.is<Undefined>() || (value.as_list() && !value.is_generator());
}

constexpr std::array kTests = {
    Test{"!=", [](const Subject& subject) { return !equals(subject); }},
    Test{"<", is_less},
    Test{"<=", at_most},
    Test{"==", equals},
    Test{">", is_greater},
    Test{">=", at_least},
    Test{"boolean", [](const Subject& subject) { return subject.value.is<bool>(); }},
    Test{"callable",
         [](const Subject& subject) {
           return subject.value.is<const Macro*>() || subject.value.is<Builtin>() || subject.value.is<LoopState*>() ||
                  subject.value.is<Undefined>();  // which can be called, to fail
         }},
    Test{"defined", [](const Subject& subject) { return !subject.value.is<Undefined>(); }},
    Test{"divisibleby",
         [](const Subject& subject) { return remainder(subject, whole_argument(&subject.other(), 1)) == 0; }},
    Test{"eq", equals},
    Test{"equalto", equals},
    Test{"even", [](const Subject& subject) { return remainder(subject, 2) == 0; }},
    Test{"false", [](const Subject& subject) { return subject.value.is<bool>() && !subject.value.truth(); }},
    Test{"filter",
         [](const Subject& subject) { return subject.value.as_text() && is_filter(*subject.value.as_text()); }},
    Test{"float", [](const Subject& subject) { return subject.value.is<double>(); }},
    Test{"ge", at_least},
    Test{"greaterthan", is_greater},
    Test{"gt", is_greater},
    Test{"in", [](const Subject& subject) { return contains(subject.other(), subject.value, subject.budget); }},
    Test{"integer", [](const Subject& subject) { return subject.value.is<std::int64_t>(); }},
    Test{"iterable", [](const Subject& subject) { return has_length(subject.value) || subject.value.is_generator(); }},
    Test{"le", at_most},
    Test{"lessthan", is_less},
    Test{"lower", [](const Subject& subject) { return is_cased(subject, lower, upper); }},
    Test{"lt", is_less},
    Test{"mapping", [](const Subject& subject) { return subject.value.as_dict() != nullptr; }},
    Test{"ne", [](const Subject& subject) { return !equals(subject); }},
    Test{"none", [](const Subject& subject) { return subject.value.is<None>(); }},
    Test{"number", [](const Subject& subject) { return subject.value.is_number(); }},
    Test{"odd", [](const Subject& subject) { return remainder(subject, 2) != 0; }},
    Test{"sameas", is_same},
    Test{"sequence", [](const Subject& subject) { return has_length(subject.value); }},
    Test{"string", [](const Subject& subject) { return subject.value.as_text() != nullptr; }},
    Test{"test", [](const Subject& subject) { return subject.value.as_text() && is_test(*subject.value.as_text()); }},
    Test{"true", [](const Subject& subject) { return subject.value.is<bool>() && subject.value.truth(); }},
    Test{"undefined", [](const Subject& subject) { return subject.value.is<Undefined>(); }},
    Test{"upper", [](const Subject& subject) { return is_cased(subject, upper, lower); }}};

const Test* test_named(const std::string& name) {
  const auto found = std::find_if(kTests.begin(), kTests.end(), [&](const Test& test) { return name == test.name; });
  return found == kTests.end() ? nullptr : found;
}

}  // namespace

bool is_test(const std::string& name) { return test_named(name) != nullptr; }

bool passes(const std::string& name, const Value& value, const Arguments& arguments, Budget& budget) {
  budget.steps();
  return test_named(name)->passes({name, value, arguments, budget});
}

}  // namespace muster::chat
