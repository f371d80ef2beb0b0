// Files as they should be, and headers that lie.
#include "runtime/weights/safetensors.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "runtime/base/error.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tensor_support.h"

namespace muster::weights {
namespace {

using tests::same_bits;

std::string file_bytes(const std::string& header, std::size_t data_bytes) {
  const std::uint64_t length = header.size();
  return std::string(reinterpret_cast<const char*>(&length), 8) + header + std::string(data_bytes, 'x');
}

/// What the reader says about a file of these bytes.
std::string refusal(const std::string& bytes) {
  const tests::TemporaryFolder folder;
  const auto path = folder.path() / "hostile.safetensors";
  std::ofstream(path, std::ios::binary) << bytes;
  try {
    const SafetensorsFile file(path);
    return "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), base::ErrorKind::user);
    EXPECT_NE(std::string(error.what()).find("hostile.safetensors"), std::string::npos) << error.what();
    return error.what();
  }
}

std::string entry(const std::string& dtype, const std::string& shape, const std::string& offsets) {
  return R"({"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}";
}

TEST(Safetensors, WhatIsWrittenIsReadBackWholeAndInBoxes) {
  const tests::TemporaryFolder folder;
  const auto path = folder.path() / "model.safetensors";
  const at::Tensor matrix = at::arange(35, at::kFloat).view({7, 5}),
                   vector = at::arange(4, at::kFloat).to(at::kBFloat16), none = at::empty({0, 3}, at::kHalf);
  write_safetensors(path, {{"matrix", matrix}, {"vector", vector}, {"none", none}}, {{"format", "pt"}});
  const SafetensorsFile file(path);
  EXPECT_EQ(file.entries().size(), 3u);
  EXPECT_TRUE(same_bits(file.read("matrix", {{{0, 7}, {0, 5}}}), matrix));
  EXPECT_TRUE(same_bits(file.read("matrix", {{{2, 5}, {1, 3}}}), matrix.slice(0, 2, 5).slice(1, 1, 3)));
  EXPECT_TRUE(file.read("matrix", {{{2, 5}, {1, 3}}}).is_contiguous());
  EXPECT_TRUE(same_bits(file.read("vector", {{{1, 4}}}), vector.slice(0, 1, 4)));
  EXPECT_EQ(file.read("none", {{{0, 0}, {0, 3}}}).numel(), 0);
  EXPECT_EQ(file.read("matrix", {{{3, 3}, {0, 5}}}).numel(), 0);
  EXPECT_EQ(file.entries().at("matrix").begin % 64, 0);
  for (const auto& left : std::filesystem::directory_iterator(folder.path())) EXPECT_EQ(left.path(), path);
}

TEST(Safetensors, HeadersThatLieAreRefused) {
  const auto named = [](const std::string& body) { return R"({"weight":)" + body + "}"; };
  EXPECT_NE(refusal("abc").find("it has 3 bytes"), std::string::npos);
  EXPECT_NE(refusal(std::string(8, '\xff') + "{}").find("its header would have"), std::string::npos);
  EXPECT_NE(refusal(file_bytes("{}", 0).substr(0, 9)).find("cut off"), std::string::npos);
  EXPECT_NE(refusal(file_bytes("[]", 0)).find("does not begin with '{'"), std::string::npos);
  EXPECT_NE(refusal(file_bytes("", 0)).find("does not begin with '{'"), std::string::npos);
  EXPECT_NE(refusal(file_bytes("{\"a\":", 0)).find("not JSON"), std::string::npos);
  EXPECT_NE(refusal(file_bytes("{\"a\xff\":1}", 0)).find("not JSON"), std::string::npos);
  EXPECT_NE(refusal(file_bytes(named("7"), 0)).find("'weight' lacks dtype"), std::string::npos);
  EXPECT_NE(refusal(file_bytes(named(entry("Q7", "[1]", "[0,4]")), 4)).find("unknown dtype \"Q7\""), std::string::npos);
  EXPECT_NE(refusal(file_bytes(named(entry("F32", "[-1]", "[0,4]")), 4)).find("has the shape [-1]"), std::string::npos);
  EXPECT_NE(refusal(file_bytes(named(entry("F32", "[1.5]", "[0,4]")), 4)).find("has the shape"), std::string::npos);
  EXPECT_NE(refusal(file_bytes(named(entry("F32", "[1]", "[0]")), 4)).find("has the offsets"), std::string::npos);
  EXPECT_NE(refusal(file_bytes(named(entry("F32", "[1]", "[4,0]")), 4)).find("lies at bytes 4 to 0"),
            std::string::npos);
  EXPECT_NE(refusal(file_bytes(named(entry("F32", "[2]", "[0,8]")), 4)).find("the file holds 4 bytes of data"),
            std::string::npos);
  EXPECT_NE(refusal(file_bytes(named(entry("F32", "[2]", "[0,4]")), 4)).find("does not take the 4 bytes"),
            std::string::npos);
  EXPECT_NE(refusal(file_bytes(named(entry("F32", "[4611686018427387904,4611686018427387904,16]", "[0,4]")), 4))
                .find("does not take"),
            std::string::npos);
  EXPECT_NE(refusal(file_bytes(named(entry("F32", "[1]", "[0,4]")), 9)).find("5 bytes behind its last tensor"),
            std::string::npos);
  EXPECT_NE(refusal(file_bytes(named(entry("F32", "[1]", "[2,6]")), 6)).find("2 bytes of no tensor before 'weight'"),
            std::string::npos);
  const std::string one = entry("F32", "[1]", "[0,4]");
  EXPECT_NE(
      refusal(file_bytes(R"({"a":)" + one + R"(,"b":)" + entry("F32", "[1]", "[2,6]") + "}", 6)).find("'b' overlaps"),
      std::string::npos);
  EXPECT_NE(refusal(file_bytes(R"({"a":)" + one + R"(,"a":)" + one + "}", 4)).find("names 'a' twice"),
            std::string::npos);
  EXPECT_EQ(refusal(file_bytes(R"({"__metadata__":{"format":"pt"},"a":)" + one + "}   ", 4)), "accepted");
}

TEST(Safetensors, EveryTypeOfTheFormatMayLieInAFile) {
  const auto of = [](const std::string& type, const std::string& shape, std::size_t bytes) {
    return refusal(file_bytes("{\"a\":" + entry(type, shape, "[0," + std::to_string(bytes) + "]") + "}", bytes));
  };
  for (const char* type : {"F8_E4M3", "F8_E5M2", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ", "U8", "I8", "BOOL"})
    EXPECT_EQ(of(type, "[2,3]", 6), "accepted") << type;
  for (const char* type : {"U16", "I16", "F16", "BF16"}) EXPECT_EQ(of(type, "[2,3]", 12), "accepted") << type;
  for (const char* type : {"U32", "I32", "F32"}) EXPECT_EQ(of(type, "[2,3]", 24), "accepted") << type;
  for (const char* type : {"U64", "I64", "F64", "C64"}) EXPECT_EQ(of(type, "[2,3]", 48), "accepted") << type;
  for (const char* type : {"F6_E2M3", "F6_E3M2"}) EXPECT_EQ(of(type, "[2,4]", 6), "accepted") << type;
  EXPECT_EQ(of("F4", "[2,3]", 3), "accepted");
  EXPECT_NE(of("F4", "[3]", 1).find("does not take"), std::string::npos) << "it would end within a byte";
}

TEST(Safetensors, APipeIsRefusedAtOnce) {
  const tests::TemporaryFolder folder;
  const auto path = folder.path() / "model.safetensors";
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  EXPECT_THROW(SafetensorsFile{path}, Error);
  EXPECT_THROW(WeightFolder{folder.path()}, Error);
  EXPECT_THROW(SafetensorsFile{"/dev/zero"}, Error);
  EXPECT_THROW(SafetensorsFile{folder.path()}, Error);
}

TEST(Safetensors, AllFaultsOfAHeaderComeInOneGo) {
  const std::string said = refusal(
      file_bytes(R"({"a":)" + entry("Q7", "[1]", "[0,4]") + R"(,"b":)" + entry("F32", "[9]", "[0,4]") + "}", 4));
  EXPECT_NE(said.find("'a'"), std::string::npos);
  EXPECT_NE(said.find("'b'"), std::string::npos);
}

TEST(Safetensors, DeeplyNestedHeadersDoNotBreakTheReader) {
  EXPECT_NE(refusal(file_bytes("{\"a\":" + std::string(200000, '['), 0)).find("too deep"), std::string::npos);
}

TEST(Safetensors, BombsAreRefusedBeforeTheyAreBuilt) {
  std::string many = R"({"a":[0)";
  for (int i = 0; i < 4'100'000; ++i) many += ",0";
  EXPECT_NE(refusal(file_bytes(many + "]}", 0)).find("more than 4000000 values"), std::string::npos);
  std::string wrong = "{";
  for (int i = 0; i < 5000; ++i) wrong += "\"" + std::to_string(i) + "\":{},";
  EXPECT_LT(refusal(file_bytes(wrong + R"("z":{}})", 0)).size(), 4000u) << "a few faults are shown, not all";
}

TEST(WeightFolder, RefusesAnIndexThatPointsElsewhere) {
  const tests::TemporaryFolder folder;
  write_safetensors(folder.path() / "one.safetensors", {{"a", at::zeros({2}, at::kFloat)}});
  const auto said = [&](const std::string& map) -> std::string {
    std::ofstream(folder.path() / "model.safetensors.index.json") << R"({"weight_map":)" << map << "}";
    try {
      const WeightFolder files(folder.path());
      return files.has("a") ? "accepted" : "empty";
    } catch (const Error& error) {
      return error.what();
    }
  };
  EXPECT_EQ(said(R"({"a":"one.safetensors"})"), "accepted");
  EXPECT_NE(said(R"({"a":"../one.safetensors"})").find("no name of a file beside it"), std::string::npos);
  EXPECT_NE(said(R"({"a":5})").find("no name of a file beside it"), std::string::npos);
  EXPECT_NE(said(R"({"a":"two.safetensors"})").find("two.safetensors"), std::string::npos);
  EXPECT_NE(said(R"({"b":"one.safetensors"})").find("'b' is not in one.safetensors"), std::string::npos);
  EXPECT_NE(said("[]").find("weight_map"), std::string::npos);
}

TEST(WeightFolder, AnEmptyFolderIsNamed) {
  const tests::TemporaryFolder folder;
  EXPECT_THROW(WeightFolder{folder.path()}, Error);
}

}  // namespace
}  // namespace muster::weights
