// The part of a call that is the same in every form: checks, observers, p2p_ops to oneself, and errors that name the
// place.
#include "runtime/comm/communicator.h"

#include <ATen/ATen.h>

#include "runtime/base/error.h"
#include "runtime/base/text.h"

namespace muster::comm {
namespace {

void check_contiguous(const at::Tensor& tensor, std::string_view label) {
  INVARIANT(tensor.defined() && tensor.is_contiguous(), base::text("'", label, "' needs a contiguous tensor"));
}

Call call_of(CallKind kind, const at::Tensor& tensor, int detail = 0) {
  return {.kind = kind,
          .bytes = static_cast<std::int64_t>(tensor.nbytes()),
          .elements = tensor.numel(),
          .dtype = static_cast<int>(tensor.scalar_type()),
          .detail = detail};
}

void check_rows(const at::Tensor& tensor, std::span<const std::int64_t> rows, int size, const char* side,
                std::string_view label) {
  INVARIANT(tensor.dim() > 0 && rows.size() == static_cast<std::size_t>(size),
            base::text("'", label, "': ", side, " needs one row count a rank"));
  std::int64_t total = 0;
  for (const std::int64_t count : rows) {
    INVARIANT(count >= 0, base::text("'", label, "': a row count below zero"));
    total += count;
  }
  INVARIANT(total == tensor.size(0),
            base::text("'", label, "': ", side, " rows add up to ", total, ", the tensor has ", tensor.size(0)));
}

}  // namespace

const char* call_kind_name(CallKind kind) {
  switch (kind) {
    case CallKind::all_reduce:
      return "all_reduce";
    case CallKind::all_gather:
      return "all_gather";
    case CallKind::reduce_scatter:
      return "reduce_scatter";
    case CallKind::all_to_all_v:
      return "all_to_all_v";
    case CallKind::broadcast:
      return "broadcast";
    case CallKind::exchange:
      return "exchange";
    case CallKind::barrier:
      return "barrier";
    case CallKind::wait_for_all:
      return "wait_for_all";
    case CallKind::split:
      return "split";
  }
  return "unknown call";
}

void Communicator::do_prepare(const Call&) {}

template <class Body>
void Communicator::observed(Call call, std::string_view label, const Body& body) {
  call.communicator = name_;
  call.label = label_ = label;
  call.sequence = ++sequence_;
  for (CallObserver* observer : observers_) observer->before(call);
  const auto failed = [&](const std::string& reason) {
    return Error::rank({.what = base::text(call_kind_name(call.kind), " '", label, "' (call ", call.sequence, " of ",
                                           name_, "): ", reason),
                        .where = base::text("rank ", world_rank(rank_)),
                        .fix = "see the log of the rank that is named, or of the first one that ended"});
  };
  const at::NoGradGuard no_grad;  // parameters are written in place
  try {
    do_prepare(call);
    body();
  } catch (const PeerFailure& failure) {
    throw failed(failure.peer < 0 ? failure.reason
                                  : base::text("rank ", world_rank(failure.peer), " ", failure.reason));
  } catch (const Error&) {
    throw;
  } catch (const std::exception& failure) {
    throw failed(failure.what());
  }
  for (CallObserver* observer : observers_) observer->after(call);
}

void Communicator::all_reduce(at::Tensor& tensor, Reduce op, std::string_view label) {
  check_contiguous(tensor, label);
  observed(call_of(CallKind::all_reduce, tensor, static_cast<int>(op)), label, [&] { do_all_reduce(tensor, op); });
}

void Communicator::all_gather(at::Tensor& output, const at::Tensor& input, std::string_view label) {
  check_contiguous(output, label);
  check_contiguous(input, label);
  INVARIANT(output.numel() == size_ * input.numel() && output.scalar_type() == input.scalar_type(),
            base::text("'", label, "': all_gather of ", input.numel(), " elements over ", size_, " ranks into ",
                       output.numel()));
  observed(call_of(CallKind::all_gather, input), label, [&] { do_all_gather(output, input); });
}

void Communicator::reduce_scatter(at::Tensor& output, const at::Tensor& input, Reduce op, std::string_view label) {
  check_contiguous(output, label);
  check_contiguous(input, label);
  INVARIANT(input.numel() == size_ * output.numel() && output.scalar_type() == input.scalar_type(),
            base::text("'", label, "': reduce_scatter of ", input.numel(), " elements over ", size_, " ranks into ",
                       output.numel()));
  observed(call_of(CallKind::reduce_scatter, input, static_cast<int>(op)), label,
           [&] { do_reduce_scatter(output, input, op); });
}

void Communicator::all_to_all_v(at::Tensor& output, std::span<const std::int64_t> output_rows, const at::Tensor& input,
                                std::span<const std::int64_t> input_rows, std::string_view label) {
  check_contiguous(output, label);
  check_contiguous(input, label);
  check_rows(output, output_rows, size_, "output", label);
  check_rows(input, input_rows, size_, "input", label);
  INVARIANT(output.scalar_type() == input.scalar_type() && output.sizes().slice(1) == input.sizes().slice(1),
            base::text("'", label, "': rows of input and output differ in shape or type"));
  Call call = call_of(CallKind::all_to_all_v, input);
  call.input_rows = input_rows;
  call.output_rows = output_rows;
  observed(call, label, [&] { do_all_to_all_v(output, output_rows, input, input_rows); });
}

void Communicator::broadcast(at::Tensor& tensor, int root, std::string_view label) {
  check_contiguous(tensor, label);
  INVARIANT(root >= 0 && root < size_, base::text("'", label, "': root ", root, " of ", size_, " ranks"));
  observed(call_of(CallKind::broadcast, tensor, root), label, [&] { do_broadcast(tensor, root); });
}

void Communicator::exchange(std::span<const P2POp> p2p_ops, std::string_view label) {
  Call call{.kind = CallKind::exchange, .p2p_ops = p2p_ops};
  std::vector<P2POp> others;
  std::vector<const at::Tensor*> own_sends, own_receives;
  for (const P2POp& p2p_op : p2p_ops) {
    INVARIANT(p2p_op.peer >= 0 && p2p_op.peer < size_ && p2p_op.tensor != nullptr,
              base::text("'", label, "': a p2p_op to rank ", p2p_op.peer, " of ", size_));
    check_contiguous(*p2p_op.tensor, label);
    if (p2p_op.is_send) {
      call.bytes += static_cast<std::int64_t>(p2p_op.tensor->nbytes());
      call.elements += p2p_op.tensor->numel();
    }
    if (p2p_op.peer != rank_)
      others.push_back(p2p_op);
    else
      (p2p_op.is_send ? own_sends : own_receives).push_back(p2p_op.tensor);
  }
  INVARIANT(own_sends.size() == own_receives.size(),
            base::text("'", label, "': sends and receives to oneself do not match"));
  observed(call, label, [&] {
    for (std::size_t i = 0; i < own_sends.size(); ++i) own_receives[i]->view(-1).copy_(own_sends[i]->view(-1));
    do_exchange(others);
  });
}

void Communicator::barrier(std::string_view label) {
  observed({.kind = CallKind::barrier}, label, [&] { do_barrier(); });
}

void Communicator::wait_for_all(std::string_view label, const std::function<void()>& on_wait) {
  observed({.kind = CallKind::wait_for_all}, label, [&] {
    do_wait_for_all([&] {
      for (CallObserver* observer : observers_) observer->waits();
      if (on_wait) on_wait();
    });
  });
}

void Communicator::do_wait_for_all(const std::function<void()>&) { do_barrier(); }

device::Event Communicator::overlapped(const std::function<void()>& body) {
  INVARIANT(!overlaps_, "overlapped calls are not nested");
  overlaps_ = true;
  try {
    body();
  } catch (...) {
    overlaps_ = false;
    throw;
  }
  overlaps_ = false;
  return do_end_overlap();
}

device::Event Communicator::do_end_overlap() { return device::Event(device::Device{}); }

std::unique_ptr<Communicator> Communicator::split(int color, int key, std::string name) {
  std::unique_ptr<Communicator> part;
  const std::string label = name;
  observed({.kind = CallKind::split}, label, [&] { part = do_split(color, key, std::move(name)); });
  label_ = {};
  if (part != nullptr) part->set_observers(observers_);
  return part;
}

}  // namespace muster::comm
