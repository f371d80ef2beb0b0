// Text compared with a file of tests/golden/progress. Where they differ the text is left in the temporary folder, to be
// looked at and, if it is the better one, to take the file's place.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "runtime/base/files.h"

namespace muster::tests {

inline void expect_golden(const std::string& name, const std::string& text) {
  const std::filesystem::path path = std::filesystem::path(MUSTER_SOURCE_DIR) / "tests/golden/progress" / name;
  const std::filesystem::path left = std::filesystem::path(testing::TempDir()) / ("muster_" + name);
  if (text == base::read_file(path)) return;
  base::write_file(left, text);
  EXPECT_EQ(text, base::read_file(path)) << path << ": the new text is in " << left;
}

}  // namespace muster::tests
