#include "runtime/device/cuda_library.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "runtime/base/error.h"
#include "runtime/base/files.h"
#include "runtime/device/forms.h"
#include "tests/support/temporary_folder.h"

namespace muster::device {
namespace {

int twice(int value) { return 2 * value; }

std::string failure_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const Error& error) {
    EXPECT_EQ(error.exit_code(), 3);
    return error.what();
  }
  return "nothing was thrown";
}

TEST(CudaLibrary, AMissingLibraryIsOneSentence) {
  tests::TemporaryFolder folder;
  const std::string said = failure_of([&] { open_cuda_device(0, folder.path() / "libmuster_cuda.so"); });
  EXPECT_NE(said.find("this build has no libmuster_cuda.so"), std::string::npos) << said;
}

TEST(CudaLibrary, AFileThatIsNoLibraryIsOneSentence) {
  tests::TemporaryFolder folder;
  base::write_file(folder.path() / "libmuster_cuda.so", "not a library");
  const std::string said = failure_of([&] { open_cuda_device(0, folder.path() / "libmuster_cuda.so"); });
  EXPECT_NE(said.find("cannot be loaded"), std::string::npos) << said;
}

TEST(Forms, AreFoundByNameAndSignature) {
  EXPECT_FALSE(has_form("test.twice"));
  EXPECT_NE(failure_of([] { cuda_form<int(int)>("test.twice"); }).find("'test.twice' has no CUDA form"),
            std::string::npos);
  forms().add<int(int)>("test.twice", &twice);
  EXPECT_EQ(cuda_form<int(int)>("test.twice")(21), 42);
  EXPECT_NE(failure_of([] { cuda_form<float(int)>("test.twice"); }).find("another signature"), std::string::npos);
}

}  // namespace
}  // namespace muster::device
