#include "runtime/loop/checkpoints.h"

#include <ATen/ATen.h>
#include <pthread.h>

#include <filesystem>

#include "runtime/base/digest.h"
#include "runtime/base/error.h"
#include "runtime/base/files.h"
#include "runtime/base/text.h"
#include "runtime/comm/gather_bytes.h"
#include "runtime/loop/state_fault.h"
#include "runtime/spec/epoch.h"
#include "runtime/weights/safetensors.h"

namespace muster::loop {
namespace fs = std::filesystem;
using base::text;

namespace {

// What a rank says of its file when it is written.
fs::path note_of(const fs::path& file) { return file.string() + ".json"; }

std::int64_t size_of(const fs::path& file) { return static_cast<std::int64_t>(fs::file_size(file)); }

// The bytes of a window that is a part of a larger tensor, alone and on the host.
at::Tensor copy_of(const at::Tensor& tensor) { return tensor.detach().to(at::kCPU, tensor.scalar_type(), false, true); }

std::vector<std::uint8_t> bytes_of(const std::string& words) { return {words.begin(), words.end()}; }

}  // namespace

std::int64_t Checkpoints::count(bool yes, const char* label) {
  at::Tensor total = at::full({1}, yes ? 1 : 0, at::kLong);
  context_.host().all_reduce(total, comm::Reduce::sum, label);
  return total.item<std::int64_t>();
}

std::string Checkpoints::first_of_all(const std::string& fault) {
  for (const std::vector<std::uint8_t>& words :
       comm::all_gather_bytes(context_.host(), bytes_of(fault), "checkpoint.whole"))
    if (!words.empty()) return {words.begin(), words.end()};
  return "";
}

std::int64_t Checkpoints::resume(data::PromptSource& source) {
  if (context_.job().checkpoint.every == 0) return 0;
  // The writer's list is everybody's: a file system may show a folder to one node later than to another.
  std::string own;
  if (context_.is_writer()) {
    for (const fs::path& folder : spec::unfinished_checkpoints(context_.paths())) fs::remove_all(folder);
    for (const std::int64_t step : spec::complete_checkpoints(context_.paths())) own += text(step, " ");
  }
  const std::vector<std::uint8_t> told =
      comm::all_gather_bytes(context_.host(), bytes_of(own), "checkpoint.list").front();
  std::vector<std::string> steps = base::split(base::trim(std::string(told.begin(), told.end())), ' ');
  std::erase(steps, "");
  for (auto step = steps.rbegin(); step != steps.rend(); ++step)
    if (load(std::stoll(*step), source)) return std::stoll(*step);
  if (!steps.empty())
    throw Error::user({.what = text("none of the ", steps.size(), " checkpoints of this run can be used",
                                    newest_fault_.empty() ? "" : "; the newest: " + newest_fault_),
                       .where = context_.paths().checkpoints().string(),
                       .fix = "restore the folder, or remove it and begin again at step 1"});
  return 0;
}

bool Checkpoints::load(std::int64_t step, data::PromptSource& source) {
  const fs::path folder = spec::checkpoint_folder(context_.paths(), step);
  const fs::path file = spec::manifest_path(folder);
  spec::CheckpointManifest manifest;
  std::string fault = spec::checkpoint_fault(context_.paths(), context_.plan, step, context_.self.train_rank);
  auto slices = policy_.slices();
  const fs::path state_file =
      context_.self.train_rank ? folder / spec::checkpoint_file_name(*context_.self.train_rank) : "";
  try {
    if (fault.empty()) manifest = spec::parse_checkpoint_manifest(base::read_file(file), file.string());
    if (fault.empty() && context_.self.train_rank)
      fault = state_fault(weights::SafetensorsFile(state_file).entries(), slices);
  } catch (const Error& error) {
    fault = error.what();
  }
  if (const std::string of_queue = load_queue(folder / kQueueFile, step); fault.empty()) fault = of_queue;
  if (const std::string of_surplus = load_surplus(folder / kSurplusFile); fault.empty()) fault = of_surplus;
  const std::string anybodys = first_of_all(fault);
  if (context_.is_writer()) fault = anybodys;  // it tells the person
  if (!fault.empty()) context_.console.warn("loop", text("checkpoint of step ", step, " cannot be used: ", fault));
  newest_fault_ = newest_fault_.empty() ? anybodys : newest_fault_;
  if (!anybodys.empty()) return false;
  std::int64_t num_updates = 0;
  if (context_.self.train_rank) {
    const weights::SafetensorsFile state(state_file);
    for (auto& [name, window] : slices) {
      const at::Tensor read = state.read(name, {.ranges = {{0, window.numel()}}});
      at::Tensor target = window;
      target.copy_(read);
    }
    num_updates = state.read(kUpdates, {.ranges = {{0, 1}}}).item<std::int64_t>();
  }
  policy_.resume(num_updates, manifest.weight_version);
  source.set_cursor({.epoch = manifest.data_epoch, .position = manifest.data_position});
  return true;
}

std::string Checkpoints::load_queue(const fs::path& file, std::int64_t step) {
  queue_.clear();
  if (!is_off_policy(context_.job()) || count(fs::exists(file), "checkpoint.queue") == 0) return "";
  try {
    queue_ = parse_queue(base::read_file(file), file.string());
  } catch (const Error& error) {
    return error.what();
  }
  if (queue_.empty() || queue_.front().step == step + 1) return "";
  return text(kQueueFile, " begins with step ", queue_.front().step, ", not with ", step + 1);
}

std::string Checkpoints::load_surplus(const fs::path& file) {
  surplus_.clear();
  if (!keeps_surplus(context_.job()) || count(fs::exists(file), "checkpoint.surplus") == 0) return "";
  try {
    surplus_ = parse_surplus(base::read_file(file), file.string());
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

void Checkpoints::copy_if_due(std::int64_t step, const data::Cursor& next, const RolloutQueue* queue,
                              const GroupPool* surplus) {
  const spec::Job& job = context_.job();
  if (job.checkpoint.every == 0) return;
  is_last_step_ = step < job.grpo.steps && count(context_.warning.wait(0) == SIGUSR2, "checkpoint.warned") > 0;
  if (!is_last_step_ && step % job.checkpoint.every != 0) return;
  finish();  // where the one before is still being written, the disk sets the pace
  begin(step, next, queue, surplus);
}

void Checkpoints::begin(std::int64_t step, const data::Cursor& next, const RolloutQueue* queue,
                        const GroupPool* surplus) {
  const fs::path folder = spec::unfinished_checkpoint_folder(context_.paths(), step);
  writing_ = std::make_unique<Writing>();
  Writing& writing = *writing_;
  writing.manifest = {.step = step,
                      .attempt = context_.placement.attempt,
                      .layout = spec::layout_text(context_.plan),
                      .decides = spec::deciding_values(context_.plan),
                      .weight_version = policy_.weight_version(),
                      .data_epoch = next.epoch,
                      .data_position = next.position};
  if (context_.is_writer()) {
    try {
      fs::remove_all(folder);
      base::make_folder(folder);
      if (queue != nullptr) base::write_file(folder / kQueueFile, queue->saved());
      if (surplus != nullptr) base::write_file(folder / kSurplusFile, surplus->saved());
    } catch (const std::exception& error) {
      writing.failure = error.what();
    }
  }
  context_.host().barrier("checkpoint.folder");
  if (context_.job().checkpoint.model_folder) policy_.save(folder / "model");
  if (!policy_.trains()) return;
  for (const auto& [name, window] : policy_.slices()) writing.copies.emplace_back(name, copy_of(window));
  writing.copies.emplace_back(kUpdates, at::full({1}, policy_.trainer().num_updates(), at::kLong));
  writing.thread = std::jthread([&writing, path = folder / spec::checkpoint_file_name(*context_.self.train_rank)] {
    pthread_setname_np(pthread_self(), "checkpoint");
    try {
      weights::write_safetensors(path, writing.copies);
      const spec::CheckpointFile file{path.filename().string(), size_of(path), base::sha256_of_file(path)};
      base::write_file(note_of(path), spec::checkpoint_file_json(file));
    } catch (const std::exception& error) {
      if (writing.failure.empty()) writing.failure = error.what();  // the folder's own failure says more
    }
    writing.copies.clear();
    writing.has_ended = true;
  });
}

void Checkpoints::look() {
  if (!writing_ || (writing_->thread.joinable() && !writing_->has_ended)) return;
  warn_of_failure();
  if (!context_.is_writer() || publish()) writing_.reset();
}

void Checkpoints::finish() {
  if (context_.job().checkpoint.every == 0) return;
  if (writing_) warn_of_failure();
  context_.host().wait_for_all("checkpoint.written");
  if (writing_ && context_.is_writer() && !publish()) {
    std::error_code ignored;
    fs::remove_all(spec::unfinished_checkpoint_folder(context_.paths(), writing_->manifest.step), ignored);
  }
  writing_.reset();
}

void Checkpoints::warn_of_failure() {
  if (writing_->thread.joinable()) writing_->thread.join();
  if (writing_->failure.empty()) return;
  context_.console.warn("loop", text("the checkpoint of step ", writing_->manifest.step,
                                     " is not written, and the run goes on without it: ", writing_->failure));
  writing_->failure.clear();
}

bool Checkpoints::publish() {
  spec::CheckpointManifest manifest = writing_->manifest;
  const fs::path unfinished = spec::unfinished_checkpoint_folder(context_.paths(), manifest.step);
  const fs::path folder = spec::checkpoint_folder(context_.paths(), manifest.step);
  spec::check_epoch(context_.paths().folder, context_.placement.attempt_id);
  if (records_ != nullptr) records_->sync();
  try {
    if (is_off_policy(context_.job()) && !fs::exists(unfinished / kQueueFile)) return false;
    if (keeps_surplus(context_.job()) && !fs::exists(unfinished / kSurplusFile)) return false;
    for (std::int64_t rank = 0; rank < context_.plan.train.ranks(); ++rank) {
      const fs::path note = note_of(unfinished / spec::checkpoint_file_name(rank));
      if (!fs::exists(note)) return false;
      manifest.files.push_back(spec::parse_checkpoint_file(base::read_file(note), note.string()));
    }
    for (const spec::CheckpointFile& file : manifest.files) fs::remove(note_of(unfinished / file.name));
    base::write_file(spec::manifest_path(unfinished), spec::checkpoint_manifest_json(manifest));
    discard(manifest.step);  // one of an earlier attempt, which was not whole
    base::publish_folder(unfinished, folder);
    const std::vector<std::int64_t> steps = spec::complete_checkpoints(context_.paths());
    const auto keep = static_cast<std::size_t>(context_.job().checkpoint.keep);
    for (std::size_t i = 0; i + keep < steps.size(); ++i) discard(steps[i]);
  } catch (const std::exception& error) {
    context_.console.warn("loop", text("the checkpoint of step ", manifest.step, " is not published: ", error.what()));
  }
  return true;
}

void Checkpoints::discard(std::int64_t step) {
  const fs::path folder = spec::checkpoint_folder(context_.paths(), step);
  if (!fs::exists(folder)) return;
  const fs::path old = folder.string() + ".old";
  fs::rename(folder, old);  // at no moment is half of it under its name
  fs::remove_all(old);
}

}  // namespace muster::loop
