#include "runtime/device/forms.h"

#include <map>
#include <mutex>
#include <string>

#include "runtime/base/error.h"
#include "runtime/base/text.h"

namespace muster::device {
namespace {

class KernelTable final : public Forms {
 public:
  struct Form {
    std::string type;
    void* function = nullptr;
  };
  void add_form(const char* name, const char* type, void* function) override {
    const std::lock_guard lock(mutex_);
    forms_[name] = {type, function};
  }
  const Form* find(std::string_view name) {
    const std::lock_guard lock(mutex_);
    const auto found = forms_.find(name);
    return found == forms_.end() ? nullptr : &found->second;
  }

 private:
  std::mutex mutex_;
  std::map<std::string, Form, std::less<>> forms_;  // guarded by mutex_
};

// One table a process, because the library is opened once a process and an operation is called without any context.
KernelTable& table() {
  static KernelTable table;
  return table;
}

}  // namespace

Forms& forms() { return table(); }

bool has_form(std::string_view name) { return table().find(name) != nullptr; }

void* find_form(std::string_view name, const char* type) {
  const KernelTable::Form* form = table().find(name);
  if (form == nullptr)
    throw Error::cluster(
        {.what = base::text("'", name, "' has no CUDA form in this process"),
         .fix =
             "libmuster_cuda.so holds them: it is opened for device = \"cuda\" and built where the CUDA toolkit is"});
  if (form->type != type)
    throw Error::cluster(
        {.what = base::text("'", name, "' in libmuster_cuda.so has another signature than this program calls"),
         .fix = "the library and the program are of different builds: build both again"});
  return form->function;
}

}  // namespace muster::device
