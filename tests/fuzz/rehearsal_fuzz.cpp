// Job, config.json and plan of anybody, up to the first step of a rehearsal: each ends well or in an Error of kind
// user, never in code 70. An input is a job and, behind the line `#--- config.json`, the model's; or a plan, which
// begins with `muster_version`. What would take long for honest reasons is planned, but not rehearsed.
#include <cstdint>

#include "runtime/rehearsal/rehearse.h"
#include "runtime/spec/plan.h"
#include "tests/fuzz/planning.h"

namespace {

using namespace muster;

constexpr std::string_view kConfig = "#--- config.json\n";

bool is_small(const spec::Plan& plan) {
  const spec::Job& job = plan.job;
  return plan.ranks.size() <= 16 && spec::samples_per_step(job) <= 64 && job.grpo.max_sequence_tokens <= 256 &&
         plan.model.num_layers <= 8 && plan.model.num_experts <= 16 && job.threads <= 4;
}

std::string plan_of(const std::string& input) {
  if (input.starts_with("muster_version")) return input;
  static const std::filesystem::path file = tests::input_file("job.toml"), model = file.parent_path() / "model";
  static const bool is_made = [] {
    std::filesystem::create_directories(model);
    return std::filesystem::copy_file(
        std::string(MUSTER_SOURCE_DIR) + "/templates/models/reverse-digits/tokenizer.json", model / "tokenizer.json",
        std::filesystem::copy_options::overwrite_existing);
  }();
  const std::size_t at = std::min(input.find(kConfig), input.size());
  std::ofstream(file, std::ios::binary) << input.substr(0, at);
  std::ofstream(model / "config.json", std::ios::binary) << input.substr(std::min(input.size(), at + kConfig.size()));
  return is_made ? spec::plan_text(plan::make_plan({.job = file.string()}).plan) : "";
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const spec::Plan plan = spec::parse_plan(plan_of(std::string(data, data + size)), "plan.toml");
    if (is_small(plan)) rehearsal::rehearse(plan, 0, "fixed:3");
  } catch (const Error& error) {
    if (error.kind() != base::ErrorKind::user) throw;
  }
  return 0;
}
