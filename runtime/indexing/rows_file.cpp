#include "runtime/indexing/rows_file.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "runtime/base/error.h"
#include "runtime/base/text.h"
#include "runtime/data/lines.h"
#include "runtime/indexing/other_format.h"
#include "runtime/indexing/parquet.h"
#include "runtime/indexing/unpack.h"

namespace muster::indexing {
namespace {

namespace fs = std::filesystem;
using data::FileKind;

constexpr std::int64_t kPieceBytes = 4 << 20;

/// Appends files to the output and counts their lines.
class Writer {
 public:
  explicit Writer(const fs::path& path) : path_(path), out_(path, std::ios::binary | std::ios::trunc) {}

  void begin(const std::string& file) { shards_.push_back({file, bytes_, lines_}); }
  void add(std::string_view piece) {
    if (piece.empty()) return;
    out_.write(piece.data(), static_cast<std::streamsize>(piece.size()));
    bytes_ += std::ssize(piece);
    lines_ += std::count(piece.begin(), piece.end(), '\n');
    ends_a_line_ = piece.back() == '\n';
    if (!out_)
      throw Error::user({.what = base::text("cannot be written: ", std::strerror(errno)),
                         .where = path_.string(),
                         .fix =
                             "rows of Parquet, packed and several files are written here: free some space, or choose "
                             "another --run-dir"});
  }
  void end() {
    if (!ends_a_line_) add("\n");
  }
  std::vector<data::Shard> finish() {
    out_.close();
    if (!out_)
      throw Error::user({.what = "cannot be written", .where = path_.string(), .fix = "free some space there"});
    return std::move(shards_);
  }

 private:
  fs::path path_;
  std::ofstream out_;
  std::vector<data::Shard> shards_;
  std::int64_t bytes_ = 0, lines_ = 0;
  bool ends_a_line_ = true;
};

void add_file(const std::string& path, Writer& writer) {
  const data::LineFile file(path);
  for (std::int64_t at = 0; at < file.size_bytes(); at += kPieceBytes) {
    const std::string piece = file.read(at, std::min(kPieceBytes, file.size_bytes() - at));
    if (at == 0) check_format(path, std::string_view(piece).substr(0, kBeginBytes));
    writer.add(piece);
  }
}

void add_packed(const std::string& path, FileKind kind, Writer& writer) {
  std::string begin;
  bool is_checked = false;
  unpack(path, kind, [&](std::string_view piece) {
    if (!is_checked) {
      begin += piece.substr(0, static_cast<std::size_t>(kBeginBytes) - begin.size());
      is_checked = begin.size() >= static_cast<std::size_t>(kBeginBytes);
      if (is_checked) check_format(path, begin);
    }
    writer.add(piece);
  });
  if (!is_checked) check_format(path, begin);
}

}  // namespace

void check_format(const std::string& path, std::string_view begin) {
  if (begin.starts_with("PAR1"))
    throw Error::user({.what = "a Parquet file within a packed file", .where = path, .fix = "unpack it"});
  const auto other = other_format(begin);
  if (!other || !other->is_sure) return;
  refuse_format(*other, path);
}

bool needs_rows_file(const std::vector<std::string>& files) {
  return files.size() != 1 || data::file_kind(files[0]) != FileKind::lines;
}

std::vector<data::Shard> write_rows_file(const RowsFileRequest& request) {
  if (request.files.size() == 1 && data::file_kind(request.files[0]) == FileKind::parquet) {
    parquet_to_lines(
        {.input = request.files[0], .output = request.output, .fields = request.fields, .binaries = request.binaries});
    return {{request.files[0], 0, 0}};
  }
  fs::path unfinished = request.output, converted = request.output;
  unfinished += ".part";
  converted += ".parquet";
  Writer writer(unfinished);
  for (const std::string& file : request.files) {
    writer.begin(file);
    const FileKind kind = data::file_kind(file);
    if (kind == FileKind::parquet) {
      parquet_to_lines({.input = file, .output = converted, .fields = request.fields, .binaries = request.binaries});
      const data::LineFile lines(converted.string());
      for (std::int64_t at = 0; at < lines.size_bytes(); at += kPieceBytes)
        writer.add(lines.read(at, std::min(kPieceBytes, lines.size_bytes() - at)));
      fs::remove(converted);
    } else if (kind == FileKind::lines) {
      add_file(file, writer);
    } else {
      add_packed(file, kind, writer);
    }
    writer.end();
  }
  std::vector<data::Shard> shards = writer.finish();
  fs::rename(unfinished, request.output);
  return shards;
}

}  // namespace muster::indexing
