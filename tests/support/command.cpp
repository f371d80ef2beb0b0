#include "tests/support/command.h"

#include <chrono>
#include <csignal>
#include <optional>
#include <thread>

#include "runtime/base/files.h"
#include "runtime/base/process.h"
#include "runtime/base/text.h"
#include "tests/support/temporary_folder.h"

namespace muster::tests {

CommandResult run_command(const std::vector<std::string>& command, double timeout_s) {
  using Clock = std::chrono::steady_clock;
  const TemporaryFolder folder;
  const std::filesystem::path output = folder.path() / "output";
  const Clock::time_point start = Clock::now();
  const auto elapsed_s = [start] { return std::chrono::duration<double>(Clock::now() - start).count(); };
  const pid_t pid = base::start_child({.command = command, .output = output});
  std::optional<base::ChildEnd> end;
  bool late = false;
  while (!(end = base::wait_child(pid, late))) {
    late = elapsed_s() > timeout_s;
    if (late) base::signal_child(pid, SIGKILL);
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  CommandResult result{.code = end->signal != 0 ? 128 + end->signal : end->code,
                       .output = base::read_file(output),
                       .elapsed_s = elapsed_s()};
  if (late) result.output += base::text("\n(killed after ", timeout_s, " s)\n");
  return result;
}

}  // namespace muster::tests
