// Which form of an operation runs: chosen by the device of the tensor in hand, at one line of the op. CPU forms are
// known from the start; CUDA forms lie under the op's name in the table that libmuster_cuda.so fills when it is opened,
// before the first step.
#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <string>

#include "runtime/device/forms.h"

namespace muster::ops {

/// Whether an op that lacks a form for a device may run its plain form of ATen operations there (job key
/// `allow_fallback`).
void allow_plain_forms(bool allowed);
bool plain_forms_allowed();

/// throws: Error::cluster naming op and device.
[[noreturn]] void refuse_missing_form(const char* op, at::DeviceType device);

/// The forms of one operation. Function: the signature that all forms share.
template <class Function>
class KernelTable {
 public:
  KernelTable(const char* op, Function* cpu, Function* plain) : op_(op), plain_(plain) {
    add(at::DeviceType::CPU, cpu);
  }
  void add(at::DeviceType device, Function* form) { forms_[static_cast<std::size_t>(device)] = form; }
  bool has(at::DeviceType device) const { return forms_[static_cast<std::size_t>(device)] != nullptr; }
  Function* plain() const { return plain_; }
  /// Finds the form for the device of `tensor`. throws: Error::cluster when there is none and plain forms are not
  /// allowed.
  Function& for_device_of(const at::Tensor& tensor) const {
    const at::DeviceType device = tensor.device().type();
    if (Function* form = forms_[static_cast<std::size_t>(device)]) return *form;
    if (device == at::DeviceType::CUDA && device::has_form(op_)) return device::cuda_form<Function>(op_);
    if (plain_ == nullptr || !plain_forms_allowed()) refuse_missing_form(op_, device);
    return *plain_;
  }

 private:
  const char* op_;
  Function* plain_;
  std::array<Function*, static_cast<std::size_t>(at::DeviceType::COMPILE_TIME_MAX_DEVICE_TYPES)> forms_{};
};

}  // namespace muster::ops
