// Rotations of every scaling, held against transformers'.
#include "runtime/model/rope.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "runtime/base/files.h"
#include "runtime/base/json_lines.h"
#include "tests/support/temporary_folder.h"

namespace muster::model {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

// source: tests/reference/rope_fixtures.py. Angles are float32 in both; at position 1023 one unit in their last place
// is 6e-5.
TEST(Rope, TablesAreThoseOfTransformers) {
  int cases = 0;
  for (const ordered_json& line :
       base::read_json_lines(fs::path(MUSTER_SOURCE_DIR) / "tests/golden/model/rope.jsonl")) {
    const tests::TemporaryFolder folder;
    base::write_file(folder.path() / "config.json", line["config"].dump());
    const ops::RopeTable table = make_rope_table(spec::read_model_facts(folder.path()), 1024, at::kCPU);
    const auto positions = line["positions"].get<std::vector<std::int64_t>>();
    for (std::size_t p = 0; p < positions.size(); ++p)
      for (const auto& [key, made] : {std::pair{"cos", table.cos_PE2}, std::pair{"sin", table.sin_PE2}}) {
        const auto expected = line[key][p].get<std::vector<double>>();
        for (std::size_t i = 0; i < expected.size(); ++i)
          EXPECT_NEAR(made[positions[p]][static_cast<std::int64_t>(i)].item<double>(), expected[i],
                      positions[p] > 100 ? 2e-4 : 1e-5)
              << line["name"] << " " << key << " position " << positions[p] << " pair " << i;
      }
    ++cases;
  }
  EXPECT_EQ(cases, 18);
}

}  // namespace
}  // namespace muster::model
