// The one switch of plain forms, and the sentence about a missing form.
#include "runtime/ops/forms.h"

#include <atomic>

#include "runtime/base/error.h"
#include "runtime/base/text.h"

namespace muster::ops {
namespace {

std::atomic<bool> plain_allowed{false};

}  // namespace

void allow_plain_forms(bool allowed) { plain_allowed = allowed; }
bool plain_forms_allowed() { return plain_allowed; }

void refuse_missing_form(const char* op, at::DeviceType device) {
  throw Error::cluster(
      {.what = base::text("the operation '", op, "' has no form for device '", at::DeviceTypeName(device, true), "'"),
       .where = "runtime/ops",
       .fix = "open the library that holds the forms of this device, or set allow_fallback = true to run the slow "
              "plain form"});
}

}  // namespace muster::ops
