#include "tests/support/slurm_lab.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <iostream>
#include <string_view>

#include "runtime/base/error.h"
#include "runtime/base/text.h"
#include "tests/support/command.h"

namespace muster::tests {
namespace {

const std::array<std::string, 4> kPrefixes = {"SLURM_", "SBATCH_", "SRUN_", "SALLOC_"};

}  // namespace

SlurmLab::SlurmLab(SlurmLabOptions options) {
  std::string name = (std::filesystem::temp_directory_path() / "muster_lab_XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr)
    throw Error::cluster({.what = "cannot make a folder for the Slurm lab", .where = name});
  folder_ = name;
  take_environment();
  try {
    call({"start", name, "--nodes", std::to_string(options.nodes), "--gpus", std::to_string(options.gpus_per_node),
          "--select", options.counts_memory ? "CR_Core_Memory" : "CR_Core", "--owner", std::to_string(::getpid())});
  } catch (...) {
    give_environment_back();
    throw;
  }
}

SlurmLab::~SlurmLab() {
  try {
    call({"stop", folder_.string()});
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
  }
  give_environment_back();
  std::error_code ignored;
  if (testing::UnitTest::GetInstance()->Failed()) {
    std::cerr << "the logs of the Slurm lab are kept in " << folder_.string() << "/log\n";
  } else {
    std::filesystem::remove_all(folder_, ignored);
  }
}

bool SlurmLab::available() {
  return run_command({"bash", "-c", "PATH=$PATH:/usr/sbin; type munged slurmctld slurmd sinfo srun sbatch"}).code == 0;
}

void SlurmLab::call(std::vector<std::string> arguments) const {
  arguments.insert(arguments.begin(), {"bash", MUSTER_SOURCE_DIR "/tests/support/slurm_lab.sh"});
  const CommandResult result = run_command(arguments, 60);
  if (result.code != 0) throw Error::cluster({.what = base::trim(result.output), .where = base::join(arguments, " ")});
}

void SlurmLab::take_environment() {
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string line = *entry;
    const std::size_t equals = line.find('=');
    if (equals != std::string::npos && base::starts_with_any(line, kPrefixes)) {
      environment_.emplace_back(line.substr(0, equals), line.substr(equals + 1));
    }
  }
  for (const auto& [name, value] : environment_) ::unsetenv(name.c_str());
  ::setenv("SLURM_CONF", config().c_str(), 1);
}

void SlurmLab::give_environment_back() {
  ::unsetenv("SLURM_CONF");
  for (const auto& [name, value] : environment_) ::setenv(name.c_str(), value.c_str(), 1);
}

}  // namespace muster::tests
