// Cluster files of anybody, with a small job planned on them.
#include "tests/fuzz/planning.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::filesystem::path file = muster::tests::input_file("cluster.toml");
  muster::tests::plan_input(file, std::string(data, data + size),
                            {.job = "smollm2-135m-sums", .cluster = file.string()});
  return 0;
}
