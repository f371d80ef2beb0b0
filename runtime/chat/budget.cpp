#include "runtime/chat/budget.h"

#include "runtime/base/error.h"
#include "runtime/base/text.h"

namespace muster::chat {

void Budget::steps(std::int64_t count) {
  steps_ += count;
  if (steps_ > kSteps) throw Error::user({.what = base::text("the template takes more than ", kSteps, " steps")});
}

void Budget::bytes(std::int64_t count) {
  if (count > kBytes - bytes_)
    throw Error::user({.what = base::text("the template makes more than ", base::bytes_text(kBytes), " of values")});
  bytes_ += count;
}

}  // namespace muster::chat
