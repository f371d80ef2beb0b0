#include "runtime/base/error.h"

#include <cstdio>

#include "runtime/base/utf8.h"

namespace muster::base {
namespace {

constexpr std::size_t kLongestPart = 8000, kMostFaults = 100;

// What a person can read on a terminal: no control characters but line ends and tabs, and not without end. Names and
// values in a fault are those of others.
std::string shown(const std::string& part) {
  std::string shown;
  for (const char c : std::string_view(part).substr(0, kLongestPart)) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte >= 0x20 && byte != 0x7f) || c == '\n' || c == '\t') {
      shown += c;
      continue;
    }
    char escape[8];
    std::snprintf(escape, sizeof escape, "\\x%02x", byte);
    shown += escape;
  }
  if (part.size() > kLongestPart) shown += "... (" + std::to_string(part.size()) + " bytes)";
  return lossy_utf8(shown);
}

std::vector<Fault> shown(std::vector<Fault> faults) {
  const std::size_t count = faults.size();
  if (count > kMostFaults) {
    faults.resize(kMostFaults);
    faults.push_back({"and " + std::to_string(count - kMostFaults) + " more faults", faults.front().where, ""});
  }
  for (Fault& fault : faults) fault = {shown(fault.what), shown(fault.where), shown(fault.fix)};
  return faults;
}

std::string text_of(const std::vector<Fault>& faults) {
  std::string text;
  for (const Fault& fault : faults) {
    if (!text.empty()) text += '\n';
    if (!fault.where.empty()) text += fault.where + ": ";
    text += fault.what;
    if (!fault.fix.empty()) text += "\n    " + fault.fix;
  }
  return text;
}

}  // namespace

Error::Error(ErrorKind kind, std::vector<Fault> faults)
    : kind_(kind), faults_(shown(std::move(faults))), text_(text_of(faults_)) {}

int Error::exit_code() const {
  switch (kind_) {
    case ErrorKind::user:
      return 2;
    case ErrorKind::cluster:
      return 3;
    case ErrorKind::rank:
      return 4;
    case ErrorKind::defect:
      break;
  }
  return 70;
}

void Faults::throw_if_any() const {
  if (!faults_.empty()) throw Error(ErrorKind::user, faults_);
}

void fail_invariant(const char* condition, const std::string& why, const char* file, int line) {
  throw Error::defect({.what = "defect in Muster: " + why + " (" + condition + ")",
                       .where = std::string(file) + ":" + std::to_string(line),
                       .fix = "this is not your mistake; please report it with this line"});
}

}  // namespace muster::base
