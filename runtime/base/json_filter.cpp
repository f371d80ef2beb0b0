#include "runtime/base/json_filter.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>

#include "runtime/base/error.h"
#include "runtime/base/files.h"
#include "runtime/base/json_text.h"
#include "runtime/base/text.h"

namespace muster::base {
namespace {

using nlohmann::ordered_json;

constexpr std::size_t kLongestLineBytes = 64 << 20, kBlockBytes = 1 << 16;
constexpr std::int64_t kFaultsShown = 20;

[[noreturn]] void fail(const std::string& path, const char* doing) {
  throw Error::user({.what = text(doing, ": ", std::strerror(errno)), .where = path});
}

class LineReader {
 public:
  explicit LineReader(const std::string& path) : path_(path == "-" ? "standard input" : path) {
    file_ = Descriptor(path == "-" ? ::dup(STDIN_FILENO) : ::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file_) fail(path_, "cannot read");
  }
  /// The next line, of which no more than one byte over the limit is kept; false at the end.
  bool next(std::string& line) {
    line.clear();
    bool any = false;
    for (;; any = true) {
      const std::string_view rest = std::string_view(block_).substr(at_);
      const std::size_t newline = rest.find('\n');
      const std::string_view part = rest.substr(0, newline);
      line.append(part.substr(0, kLongestLineBytes + 1 - line.size()));
      at_ += part.size() + (newline == std::string_view::npos ? 0 : 1);
      any = any || !part.empty();
      if (newline != std::string_view::npos || !fill()) {
        if (newline == std::string_view::npos && !any) return false;
        ++number_;
        return true;
      }
    }
  }
  /// "rows.jsonl:17", of the line that was read last.
  std::string place() const { return text(path_, ":", number_); }

 private:
  bool fill() {
    block_.resize(kBlockBytes);
    ssize_t got;
    while ((got = ::read(file_.get(), block_.data(), block_.size())) < 0 && errno == EINTR) {
    }
    if (got < 0) fail(path_, "cannot read");
    block_.resize(static_cast<std::size_t>(got));
    at_ = 0;
    return got > 0;
  }

  std::string path_, block_;
  Descriptor file_;
  std::size_t at_ = 0;
  std::int64_t number_ = 0;
};

class LineWriter {
 public:
  explicit LineWriter(const std::string& path) : path_(path == "-" ? "standard output" : path) {
    file_ = Descriptor(path == "-" ? ::dup(STDOUT_FILENO)
                                   : ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
    if (!file_) fail(path_, "cannot write");
  }
  void put(const std::string& line) {
    waiting_ += line;
    waiting_ += '\n';
    if (waiting_.size() >= kBlockBytes) flush();
  }
  void flush() {
    for (std::size_t done = 0; done < waiting_.size();) {
      const ssize_t count = ::write(file_.get(), waiting_.data() + done, waiting_.size() - done);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) fail(path_, "cannot write");
      done += static_cast<std::size_t>(count);
    }
    waiting_.clear();
  }

 private:
  std::string path_, waiting_;
  Descriptor file_;
};

ordered_json with_id(const ordered_json& object, ordered_json answer) {
  const auto id = object.find("id");
  if (id == object.end()) return answer;
  ordered_json whole = {{"id", *id}};
  whole.update(answer);
  return whole;
}

}  // namespace

ordered_json parse_json_object(const std::string& text) {
  if (json_depth(text) > kDeepestJson)
    throw Error::user({.what = base::text("arrays and objects are nested deeper than ", kDeepestJson)});
  ordered_json object;
  try {
    object = ordered_json::parse(text);
  } catch (const nlohmann::json::exception& error) {
    const std::string what = error.what();  // "[json.exception.parse_error.101] parse error at ..."
    throw Error::user({.what = "this is no JSON: " + what.substr(what.find("] ") + 2)});
  }
  if (!object.is_object())
    throw Error::user({.what = base::text("an object is expected here, not ", object.type_name())});
  return object;
}

void filter_json_lines(const std::string& input, const std::string& output,
                       const std::function<ordered_json(const ordered_json&)>& answer) {
  LineReader reader(input);
  LineWriter writer(output);
  Faults faults;
  std::int64_t refused = 0;
  for (std::string line; reader.next(line);) {
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    try {
      if (line.size() > kLongestLineBytes)
        throw Error::user({.what = text("the line is longer than ", bytes_text(kLongestLineBytes))});
      const ordered_json object = parse_json_object(line);
      writer.put(json_text(with_id(object, answer(object))));
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::user) throw;
      if (++refused > kFaultsShown) continue;
      for (const Fault& fault : error.faults())
        faults.add({.what = fault.where.empty() ? fault.what : fault.where + ": " + fault.what,
                    .where = reader.place(),
                    .fix = fault.fix});
    }
  }
  writer.flush();
  if (refused > kFaultsShown) faults.add({.what = text(refused - kFaultsShown, " more lines are refused")});
  faults.throw_if_any();
}

}  // namespace muster::base
