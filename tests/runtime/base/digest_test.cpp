#include "runtime/base/digest.h"

#include <gtest/gtest.h>

#include "runtime/base/error.h"
#include "runtime/base/files.h"
#include "tests/support/temporary_folder.h"

namespace muster::base {
namespace {

TEST(Digest, IsThePublishedOne) {  // FIPS 180-4, examples
  EXPECT_EQ(sha256_of("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256_of(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(Digest, OfAFileIsThatOfItsContent) {
  tests::TemporaryFolder folder;
  const std::string content(3'000'001, 'x');
  write_file(folder.path() / "file", content);
  EXPECT_EQ(sha256_of_file(folder.path() / "file"), sha256_of(content));
  EXPECT_THROW(sha256_of_file(folder.path() / "none"), Error);
}

}  // namespace
}  // namespace muster::base
