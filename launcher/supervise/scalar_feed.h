// log.tensorboard: the numbers of steps, validations and the supervised start as TensorBoard's scalars, in the run
// folder's tensorboard/. Tags are the names of the records: step/reward, step/phases/train_s, validation/pass_at_1.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "launcher/records/record_lines.h"
#include "launcher/supervise/event_file.h"
#include "runtime/spec/plan.h"

namespace muster::supervise {

/// The numbers of a record by tag: those of tables below it by their path, of a list (one an update) the mean.
Scalars scalars_of(const nlohmann::json& record, const std::string& prefix);

class ScalarFeed {
 public:
  /// Nothing where the job does not ask for it. That a file cannot be written is said once: the run goes on without.
  ScalarFeed(const spec::Plan& plan, const spec::RunPaths& paths, std::int64_t attempt,
             std::function<void(const std::string&)> say);

  /// Writes what is new; looks at the files once a second. Never throws.
  void poll() noexcept;
  /// The rest of the records.
  void finish() noexcept;

 private:
  bool write_more();
  void guarded(const std::function<void()>& body) noexcept;

  bool on_;
  std::filesystem::path folder_;
  std::int64_t attempt_;
  std::function<void(const std::string&)> say_;
  records::RecordLines lines_;
  std::optional<EventFile> file_;  // begins with the first record
  double read_s_ = 0;
};

}  // namespace muster::supervise
