// The tables of CUDA forms. libmuster_cuda.so, opened on a GPU machine, fills them by name; on every other machine they
// stay empty and asking for a form throws a sentence. The table is filled once at the start and only read afterwards.
//
//   in ops/rms_norm.cpp:                  device::cuda_form<RmsNormForm>("rms_norm")(input, weight, eps)
//   in runtime/cuda/register_forms.cpp:   forms.add<RmsNormForm>("rms_norm", &rms_norm_cuda);
// where `using RmsNormForm = at::Tensor(const at::Tensor&, const at::Tensor&, double)` stands in ops/rms_norm.h.
#pragma once

#include <string_view>
#include <typeinfo>

namespace muster::device {

/// What libmuster_cuda.so is handed. `type` is the name of the function's type: the two sides must agree on it.
class Forms {
 public:
  virtual ~Forms() = default;
  virtual void add_form(const char* name, const char* type, void* function) = 0;
  template <class Function>
  void add(const char* name, Function* function) {
    add_form(name, typeid(Function).name(), reinterpret_cast<void*>(function));
  }
};

/// The one symbol that libmuster_cuda.so exports: adds everything that it holds.
using RegisterForms = void(Forms& forms);
inline constexpr const char* kRegisterForms = "muster_register_forms";

/// The table of this process.
Forms& forms();
/// throws: Error::cluster when the form is not there, or has another type than the caller asks for.
void* find_form(std::string_view name, const char* type);
bool has_form(std::string_view name);

template <class Function>
Function& cuda_form(std::string_view name) {
  return *reinterpret_cast<Function*>(find_form(name, typeid(Function).name()));
}

}  // namespace muster::device
