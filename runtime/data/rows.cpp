#include "runtime/data/rows.h"

#include <algorithm>
#include <vector>

#include "runtime/base/error.h"
#include "runtime/base/text.h"
#include "runtime/data/builtin_tasks.h"
#include "runtime/data/lines.h"
#include "runtime/spec/data_files.h"

namespace muster::data {
namespace {

constexpr std::string_view kBuiltin = "builtin:";

class FileRows : public Rows {
 public:
  explicit FileRows(const std::string& path) : path_(path), file_(path) {
    std::int64_t lines = 0;
    for (std::int64_t chunk = 0; chunk < file_.num_chunks(); ++chunk)
      lines += file_.read_chunk(chunk, [&](const Line& line) {
        places_.push_back({line.begin_bytes, line.size_bytes, lines + line.number + 1});
      });
    if (places_.empty())
      throw Error::user(
          {.what = "the file holds no rows", .where = path_, .fix = "data.path is a file of JSON objects, one a line"});
  }

  std::int64_t size() const override { return std::ssize(places_); }

  std::string line(std::int64_t row) const override {
    const Place& place = places_.at(row);
    if (place.size_bytes > kLongestLineBytes)
      throw Error::user({.what = base::text("a line of ", base::bytes_text(place.size_bytes))});
    return file_.read(place.begin_bytes, place.size_bytes);
  }

  std::string place(std::int64_t row) const override { return base::text(path_, ":", places_.at(row).number); }

 private:
  struct Place {
    std::int64_t begin_bytes, size_bytes, number;
  };
  std::string path_;
  LineFile file_;
  std::vector<Place> places_;
};

class BuiltinRows : public Rows {
 public:
  explicit BuiltinRows(const BuiltinTask& task) : task_(task) {}
  std::int64_t size() const override { return task_.num_rows; }
  std::string line(std::int64_t row) const override { return task_.row(row); }
  std::string place(std::int64_t row) const override { return base::text(kBuiltin, task_.name, ":", row + 1); }

 private:
  const BuiltinTask& task_;
};

}  // namespace

bool is_builtin(const std::string& path) { return path.starts_with(kBuiltin); }

FileKind file_kind(const std::string& path) {
  const LineFile file(path);
  const std::string begin = file.read(0, std::min<std::int64_t>(file.size_bytes(), 4));
  if (begin == "PAR1" || path.ends_with(".parquet")) return FileKind::parquet;
  if (begin.starts_with("\x1F\x8B")) return FileKind::gzip;
  if (begin == "\x28\xB5\x2F\xFD") return FileKind::zstd;
  return FileKind::lines;
}

std::unique_ptr<Rows> open_rows(const std::string& path) {
  if (is_builtin(path)) return std::make_unique<BuiltinRows>(builtin_task(path.substr(kBuiltin.size()), "data.path"));
  const std::vector<std::string> files = spec::data_files(path);
  if (files.size() != 1 || file_kind(files[0]) != FileKind::lines)
    throw Error::user({.what = files.size() != 1
                                   ? "several files are read through the run's index, and there is none"
                                   : "a Parquet or packed file is read through the run's index, and there "
                                     "is none",
                       .where = path,
                       .fix = "muster-runtime index --plan RUN/plan.toml makes it; `muster run` and `submit` do so"});
  return std::make_unique<FileRows>(files[0]);
}

}  // namespace muster::data
