#include "runtime/indexing/parquet.h"

#include <signal.h>

#include "runtime/base/error.h"
#include "runtime/base/files.h"
#include "runtime/base/process.h"
#include "runtime/base/text.h"
#include "runtime/base/utf8.h"

namespace muster::indexing {
namespace {

namespace fs = std::filesystem;

/// What the reader wrote: its sentence, and how to fix it where it says so.
base::Fault fault_in(const fs::path& log) {
  std::vector<std::string> lines;
  for (const std::string& line : base::split(base::lossy_utf8(base::read_file(log)), '\n'))
    if (!base::trim(line).empty()) lines.push_back(base::trim(line).substr(0, 500));
  if (lines.empty()) return {};
  const std::string what = lines[0];
  lines.erase(lines.begin());
  return {.what = what, .where = "", .fix = base::join(lines, " ")};
}

}  // namespace

void parquet_to_lines(const ParquetRequest& request) {
  const fs::path reader = request.binaries / "muster-parquet";
  if (!fs::exists(reader))
    throw Error::user({.what = "this build cannot read Parquet",
                       .where = request.input.string(),
                       .fix =
                           "configure with -DWITH_PARQUET=ON (tools/setup fetches Arrow), or convert the file to JSON "
                           "lines"});
  fs::path log = request.output, unfinished = request.output;
  log += ".log";
  unfinished += ".part";
  base::ChildOptions child;
  child.command = {reader.string(), request.input.string(), unfinished.string()};
  child.command.insert(child.command.end(), request.fields.begin(), request.fields.end());
  child.output = log;
  std::error_code ignored;
  fs::remove(log, ignored);
  const base::ChildEnd end = *base::wait_child(base::start_child(child), true);
  const base::Fault said = fault_in(log);
  fs::remove(log, ignored);
  if (end.code == 0 && end.signal == 0) return fs::rename(unfinished, request.output);
  fs::remove(unfinished, ignored);
  const std::string anew = "fetch or write the file anew";
  if (end.signal == 0) throw Error::user({.what = said.what, .where = "", .fix = said.fix.empty() ? anew : said.fix});
  throw Error::user(
      {.what = base::text("the reader of Parquet was ended by signal ", end.signal, ": the file is damaged or hostile",
                          said.what.empty() ? "" : " (" + said.what + ")"),
       .where = request.input.string(),
       .fix = anew});
}

}  // namespace muster::indexing
