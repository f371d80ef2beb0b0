#include "runtime/data/parquet.h"

#include <signal.h>

#include "runtime/base/error.h"
#include "runtime/base/files.h"
#include "runtime/base/process.h"
#include "runtime/base/text.h"

namespace muster::data {
namespace {

namespace fs = std::filesystem;

std::string said_in(const fs::path& log) {
  std::string said;
  for (const std::string& line : base::split(base::read_file(log), '\n'))
    said += (said.empty() ? "" : " ") + base::trim(line);
  return said.substr(0, 500);
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
  child.command.insert(child.command.end(), request.columns.begin(), request.columns.end());
  child.output = log;
  std::error_code ignored;
  fs::remove(log, ignored);
  const base::ChildEnd end = *base::wait_child(base::start_child(child), true);
  const std::string said = said_in(log);
  fs::remove(log, ignored);
  if (end.code == 0 && end.signal == 0) return fs::rename(unfinished, request.output);
  fs::remove(unfinished, ignored);
  throw Error::user({.what = end.signal != 0
                                 ? base::text("the reader of Parquet was ended by signal ", end.signal,
                                              ": the file is damaged or hostile", said.empty() ? "" : " (" + said + ")")
                                 : said,
                     .where = end.signal != 0 ? request.input.string() : "",
                     .fix = "fetch or write the file anew"});
}

}  // namespace muster::data
