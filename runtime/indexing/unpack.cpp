// zlib and zstd in one loop: a piece of the file in, as much as comes out handed on. How much may come out is limited,
// so that a small hostile file does not fill the disk.
#include "runtime/indexing/unpack.h"

#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "runtime/base/error.h"
#include "runtime/base/text.h"
#include "runtime/data/lines.h"

namespace muster::indexing {
namespace {

constexpr std::int64_t kPieceBytes = 1 << 20;
// Text is packed a few times, rows that repeat a hundred times; only a bomb is packed more than that.
constexpr std::int64_t kMostGrowth = 2000, kForgivenBytes = std::int64_t{64} << 20;

using Take = std::function<void(std::string_view)>;

/// One format: unpacks all of a piece. An empty piece is the end of the file.
class Unpacker {
 public:
  virtual ~Unpacker() = default;
  /// Returns what is wrong, or "".
  virtual std::string feed(std::string_view piece, const Take& take) = 0;
  /// Is the content whole as far as it was fed?
  virtual bool is_whole() const = 0;
};

class GzipUnpacker : public Unpacker {
 public:
  GzipUnpacker() : out_(kPieceBytes) { is_open_ = ::inflateInit2(&stream_, 15 + 16) == Z_OK; }
  ~GzipUnpacker() override {
    if (is_open_) ::inflateEnd(&stream_);
  }
  std::string feed(std::string_view piece, const Take& take) override {
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(piece.data()));
    stream_.avail_in = static_cast<uInt>(piece.size());
    while (stream_.avail_in > 0) {
      if (is_at_end_) {  // another member begins, or zeros fill up a block of a tape
        if (*stream_.next_in == 0) {
          ++stream_.next_in, --stream_.avail_in;
          continue;
        }
        ::inflateReset(&stream_);
        is_at_end_ = false;
      }
      stream_.next_out = reinterpret_cast<Bytef*>(out_.data());
      stream_.avail_out = static_cast<uInt>(out_.size());
      const int code = ::inflate(&stream_, Z_NO_FLUSH);
      if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR)
        return stream_.msg != nullptr ? stream_.msg : "damaged";
      take({out_.data(), out_.size() - stream_.avail_out});
      is_at_end_ = code == Z_STREAM_END;
    }
    return "";
  }
  bool is_whole() const override { return is_at_end_; }

 private:
  z_stream stream_{};
  std::vector<char> out_;
  bool is_open_ = false, is_at_end_ = false;
};

class ZstdUnpacker : public Unpacker {
 public:
  ZstdUnpacker() : stream_(::ZSTD_createDStream(), ::ZSTD_freeDStream), out_(kPieceBytes) {}
  std::string feed(std::string_view piece, const Take& take) override {
    ZSTD_inBuffer in{piece.data(), piece.size(), 0};
    for (bool is_full = true; in.pos < in.size || is_full;) {
      ZSTD_outBuffer out{out_.data(), out_.size(), 0};
      const std::size_t left = ::ZSTD_decompressStream(stream_.get(), &out, &in);
      if (::ZSTD_isError(left) != 0) return ::ZSTD_getErrorName(left);
      take({out_.data(), out.pos});
      is_whole_ = left == 0;
      is_full = out.pos == out.size;
    }
    return "";
  }
  bool is_whole() const override { return is_whole_; }

 private:
  std::unique_ptr<ZSTD_DStream, std::size_t (*)(ZSTD_DStream*)> stream_;
  std::vector<char> out_;
  bool is_whole_ = false;
};

}  // namespace

void unpack(const std::string& path, data::FileKind kind, const Take& take) {
  const char* name = kind == data::FileKind::gzip ? "gzip" : "zstd";
  const auto fail = [&](const std::string& what) {
    throw Error::user({.what = what, .where = path, .fix = "fetch or pack the file anew"});
  };
  const data::LineFile file(path);
  const std::int64_t most_bytes = file.size_bytes() * kMostGrowth + kForgivenBytes;
  std::int64_t unpacked_bytes = 0;
  const Take counted = [&](std::string_view piece) {
    unpacked_bytes += std::ssize(piece);
    if (unpacked_bytes > most_bytes)
      fail(base::text("unpacks to more than ", base::bytes_text(most_bytes), ": this is a bomb, no data"));
    if (!piece.empty()) take(piece);
  };
  std::unique_ptr<Unpacker> unpacker;
  if (kind == data::FileKind::gzip)
    unpacker = std::make_unique<GzipUnpacker>();
  else
    unpacker = std::make_unique<ZstdUnpacker>();
  for (std::int64_t at = 0; at < file.size_bytes(); at += kPieceBytes) {
    const std::string wrong = unpacker->feed(file.read(at, std::min(kPieceBytes, file.size_bytes() - at)), counted);
    if (!wrong.empty()) fail(base::text("the ", name, " file is damaged: ", wrong));
  }
  if (!unpacker->is_whole())
    fail(base::text("the ", name, " file is cut off after ", base::bytes_text(file.size_bytes())));
}

}  // namespace muster::indexing
