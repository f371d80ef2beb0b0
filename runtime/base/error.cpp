#include "runtime/base/error.h"

namespace muster::base {
namespace {

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
    : kind_(kind), faults_(std::move(faults)), text_(text_of(faults_)) {}

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
