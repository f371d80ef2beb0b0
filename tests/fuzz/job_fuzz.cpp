// Job files of anybody, planned on a cluster of GPUs.
#include "tests/fuzz/planning.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::filesystem::path file = muster::tests::input_file("job.toml");
  muster::tests::plan_input(file, std::string(data, data + size), {.job = file.string(), .cluster = "gb200-nvl72"});
  return 0;
}
