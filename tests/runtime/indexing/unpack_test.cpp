#include "runtime/indexing/unpack.h"

#include <gtest/gtest.h>
#include <zlib.h>
#include <zstd.h>

#include "runtime/base/error.h"
#include "runtime/base/files.h"
#include "tests/support/temporary_folder.h"

namespace muster::indexing {
namespace {

using data::FileKind;

std::string gzip(const std::string& text) {
  z_stream stream{};
  EXPECT_EQ(::deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string packed(::deflateBound(&stream, text.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  EXPECT_EQ(::deflate(&stream, Z_FINISH), Z_STREAM_END);
  packed.resize(stream.total_out);
  ::deflateEnd(&stream);
  return packed;
}

std::string zstd(const std::string& text) {
  std::string packed(::ZSTD_compressBound(text.size()), '\0');
  ZSTD_CCtx* context = ::ZSTD_createCCtx();
  ::ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);  // as the program zstd does
  packed.resize(::ZSTD_compress2(context, packed.data(), packed.size(), text.data(), text.size()));
  ::ZSTD_freeCCtx(context);
  return packed;
}

class Unpack : public testing::Test {
 protected:
  std::string unpacked(FileKind kind, const std::string& content) {
    const std::string path = (folder_.path() / "packed").string();
    base::write_file(path, content);
    std::string text;
    unpack(path, kind, [&](std::string_view piece) { text += piece; });
    return text;
  }
  std::string refusal(FileKind kind, const std::string& content) {
    try {
      unpacked(kind, content);
    } catch (const Error& error) {
      EXPECT_EQ(error.exit_code(), 2);
      EXPECT_NE(error.faults().at(0).where.find("packed"), std::string::npos);
      return error.what();
    }
    return "taken";
  }
  tests::TemporaryFolder folder_;
  std::string text_ = [] {
    std::string rows;
    for (int i = 0; i < 200'000; ++i) rows += "{\"prompt\":\"row " + std::to_string(i) + "\"}\n";
    return rows;
  }();
};

TEST_F(Unpack, BothFormatsGiveWhatWasPackedInPieces) {
  EXPECT_EQ(unpacked(FileKind::gzip, gzip(text_)), text_);
  EXPECT_EQ(unpacked(FileKind::zstd, zstd(text_)), text_);
  EXPECT_EQ(unpacked(FileKind::gzip, gzip("")), "");
  EXPECT_EQ(unpacked(FileKind::zstd, zstd("")), "");
}

TEST_F(Unpack, SeveralMembersAreOneContent) {
  EXPECT_EQ(unpacked(FileKind::gzip, gzip("a\n") + gzip(text_) + gzip("b\n") + std::string(512, '\0')),
            "a\n" + text_ + "b\n");
  EXPECT_EQ(unpacked(FileKind::zstd, zstd("a\n") + zstd(text_) + zstd("b\n")), "a\n" + text_ + "b\n");
}

TEST_F(Unpack, DamagedAndCutOffFilesAreNamed) {
  for (const auto& [kind, packed] : {std::pair{FileKind::gzip, gzip(text_)}, std::pair{FileKind::zstd, zstd(text_)}}) {
    for (const std::size_t size : {std::size_t{5}, packed.size() / 2, packed.size() - 1})
      EXPECT_NE(refusal(kind, packed.substr(0, size)).find("cut off"), std::string::npos) << size;
    std::string damaged = packed;
    for (std::size_t at = packed.size() / 2; at < packed.size() / 2 + 40; ++at)
      damaged[at] = static_cast<char>(~damaged[at]);
    EXPECT_NE(refusal(kind, damaged), "taken");
  }
  EXPECT_NE(refusal(FileKind::gzip, gzip(text_) + "behind the end").find("damaged"), std::string::npos);
}

TEST_F(Unpack, ABombIsRefused) {
  std::string bomb = zstd(std::string(60'000'000, ' '));
  bomb = bomb + bomb + bomb;
  EXPECT_NE(refusal(FileKind::zstd, bomb).find("this is a bomb"), std::string::npos);
}

}  // namespace
}  // namespace muster::indexing
