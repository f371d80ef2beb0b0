#include "launcher/run/pin.h"

#include <gtest/gtest.h>

#include "launcher/run/run_folder.h"
#include "runtime/base/error.h"
#include "runtime/base/files.h"
#include "runtime/base/process.h"
#include "tests/support/temporary_folder.h"

namespace muster::run {
namespace {

namespace fs = std::filesystem;

class Pin : public testing::Test {
 protected:
  Pin() {
    base::make_folder(built_);
    for (const char* name : {"muster", "muster-runtime", "muster-rank"}) build(name, "first");
    build("libmuster_cuda.so", "first");
  }
  void build(const std::string& name, const std::string& content) {
    base::write_file(built_ / name, content + " " + name, 0755);
  }
  std::size_t copies() const {
    std::size_t count = 0;
    for ([[maybe_unused]] const auto& entry : fs::directory_iterator(root_ / ".binaries")) ++count;
    return count;
  }

  tests::TemporaryFolder folder_;
  fs::path built_ = folder_.path() / "build" / "bin", root_ = folder_.path() / "runs";
};

TEST_F(Pin, KeepsWhatWasThereWhenTheBuildGoesOn) {
  const fs::path pinned = pin_binaries(built_, root_);
  build("muster-rank", "second");
  EXPECT_EQ(base::read_file(pinned / "muster-rank"), "first muster-rank");
  EXPECT_EQ(base::read_file(pinned / "libmuster_cuda.so"), "first libmuster_cuda.so");
  EXPECT_TRUE(fs::exists(pinned / "../share/muster/templates/batch.sh.in"));
  EXPECT_TRUE(fs::exists(pinned / "../share/muster/clusters/local.toml"));
  EXPECT_EQ(fs::status(pinned / "muster").permissions() & fs::perms::owner_exec, fs::perms::owner_exec);
  EXPECT_TRUE(is_pinned(pinned, root_));
  EXPECT_FALSE(is_pinned(built_, root_));
}

TEST_F(Pin, TheSameContentIsCopiedOnce) {
  const fs::path pinned = pin_binaries(built_, root_);
  EXPECT_EQ(pin_binaries(built_, root_), pinned);
  EXPECT_EQ(pin_binaries(pinned, root_), pinned) << "a pinned muster submits itself";
  EXPECT_EQ(copies(), 1U);
  build("muster-runtime", "second");
  EXPECT_NE(pin_binaries(built_, root_), pinned);
  EXPECT_EQ(copies(), 2U);
}

TEST_F(Pin, LeavesOutWhatIsNotOurProgramAndLinksLibraries) {
  build("some_test", "first");
  build("libtorch_cpu.so", "first");
  build("libcudart.so.13", "first");
  base::make_folder(built_ / "../lib");
  const fs::path pinned = pin_binaries(built_, root_);
  EXPECT_FALSE(fs::exists(pinned / "some_test"));
  for (const char* name : {"libtorch_cpu.so", "libcudart.so.13"})
    EXPECT_EQ(fs::read_symlink(pinned / name), fs::canonical(built_ / name));
  EXPECT_EQ(fs::canonical(pinned / "../lib"), fs::canonical(built_ / "../lib"));
}

TEST_F(Pin, AContainerSeesTheLibrariesThatAreLinkedTo) {
  base::make_folder(built_ / "../lib");
  spec::Plan plan;
  plan.binaries = pin_binaries(built_, root_);
  cluster::Cluster site;
  EXPECT_TRUE(with_library_mounts(plan, site).container.mounts.empty()) << "no container";
  site.container.kind = cluster::ContainerKind::apptainer;
  const std::string libraries = fs::canonical(built_ / "../lib").string();
  EXPECT_EQ(with_library_mounts(plan, site).container.mounts, std::vector<std::string>{libraries + ":" + libraries});
  plan.binaries = built_;
  EXPECT_TRUE(with_library_mounts(plan, site).container.mounts.empty()) << "not pinned";
}

TEST_F(Pin, ACopyThatWasBrokenOffIsNotTakenForWhole) {
  base::make_folder(root_ / ".binaries/.new-0123");
  base::write_file(root_ / ".binaries/.new-0123/muster", "half");
  const fs::path pinned = pin_binaries(built_, root_);
  EXPECT_EQ(base::read_file(pinned / "muster"), "first muster");
}

TEST_F(Pin, ADamagedCopyIsSaidAndNotUsed) {
  const fs::path pinned = pin_binaries(built_, root_);
  fs::remove(pinned / "muster-rank");
  try {
    pin_binaries(built_, root_);
    FAIL() << "a damaged copy was taken";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("bin/muster-rank"), std::string::npos) << error.what();
  }
}

TEST_F(Pin, ARunKnowsItsMuster) {
  const fs::path run = root_ / "mine";
  base::make_folder(run);
  EXPECT_EQ(other_muster(run), "");
  write_pinned_link(run, pin_binaries(built_, root_));
  EXPECT_EQ(base::read_file(other_muster(run)), "first muster");
  build("muster", "second");
  write_pinned_link(run, pin_binaries(built_, root_));  // a run that was given new ones
  EXPECT_EQ(base::read_file(other_muster(run)), "second muster");
  fs::rename(root_, folder_.path() / "moved");
  EXPECT_EQ(base::read_file(other_muster(folder_.path() / "moved/mine")), "second muster");
}

}  // namespace
}  // namespace muster::run
