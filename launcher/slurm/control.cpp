#include "launcher/slurm/control.h"

#include "launcher/slurm/command.h"
#include "launcher/slurm/scontrol_text.h"
#include "runtime/base/error.h"
#include "runtime/base/text.h"

namespace muster::slurm {
namespace {

constexpr double kDeadline_s = 30;  // sbatch itself waits for a busy controller

std::string checked(const std::vector<std::string>& command, const std::string& fix) {
  const CommandResult result = run_command(command, kDeadline_s);
  if (result.timed_out)
    throw Error::cluster(
        {.what = base::text(command[0], " did not answer in ", base::seconds_text(kDeadline_s)), .fix = fix});
  if (result.code != 0)
    throw Error::cluster(
        {.what = base::text(command[0], " failed: ", base::trim(result.errors + result.output)), .fix = fix});
  return base::trim(result.output);
}

class CommandControl : public Control {
 public:
  Forecast forecast(const std::filesystem::path& script) override {
    const CommandResult result = run_command({"sbatch", "--test-only", script.string()}, kDeadline_s);
    if (result.timed_out) return {.said = "sbatch --test-only did not answer"};
    return parse_forecast(result.errors + result.output, result.code);
  }

  std::string submit(const std::filesystem::path& script) override {
    const std::string said = checked({"sbatch", "--parsable", script.string()},
                                     "look whether the job was taken after all before you submit again: squeue --me");
    const std::string id = base::split(said, ';')[0];
    if (id.empty() || id.find_first_not_of("0123456789") != std::string::npos)
      throw Error::cluster({.what = base::text("sbatch answered '", said, "', which is no job id")});
    return id;
  }

  void cancel(const std::string& id) override { checked({"scancel", id}, ""); }
  void requeue(const std::string& id) override { checked({"scontrol", "requeue", id}, "submit again with --run-dir"); }
};

}  // namespace

std::unique_ptr<Control> make_control() { return std::make_unique<CommandControl>(); }

Forecast parse_forecast(const std::string& text, int code) {
  Forecast forecast{.accepted = code == 0};
  for (std::string line : base::split(text, '\n')) {
    line = base::trim(line);
    for (const std::string prefix : {"sbatch: error: ", "allocation failure: ", "sbatch: "})
      if (line.starts_with(prefix)) line = line.substr(prefix.size());
    if (line.empty()) continue;
    forecast.said += (forecast.said.empty() ? "" : "; ") + line;
    const std::size_t at = line.find(" to start at ");
    if (at != std::string::npos) forecast.start_s = parse_time(line.substr(at + 13, 19));
  }
  return forecast;
}

}  // namespace muster::slurm
