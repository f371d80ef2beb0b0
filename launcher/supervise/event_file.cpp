#include "launcher/supervise/event_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <bit>
#include <cerrno>
#include <cstring>

#include "runtime/base/error.h"
#include "runtime/base/open_for_writing.h"
#include "runtime/base/text.h"
#include "runtime/spec/epoch.h"

namespace muster::supervise {
namespace {

static_assert(std::endian::native == std::endian::little);

template <class Number>
std::string bytes_of(Number number) {
  return {reinterpret_cast<const char*>(&number), sizeof number};
}

// ---- protobuf: a key (field number and wire type), then the value
// ----------------------------------------------------

std::string varint(std::uint64_t value) {
  std::string out;
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
  return out;
}
std::string integer_field(unsigned number, std::int64_t value) {
  return varint(number << 3 | 0U) + varint(static_cast<std::uint64_t>(value));
}
std::string double_field(unsigned number, double value) { return varint(number << 3 | 1U) + bytes_of(value); }
std::string float_field(unsigned number, float value) { return varint(number << 3 | 5U) + bytes_of(value); }
std::string bytes_field(unsigned number, std::string_view value) {
  return base::text(varint(number << 3 | 2U), varint(value.size()), value);
}

// Event: wall_time = 1, step = 2, and one of file_version = 3, summary = 5, session_log = 7.
std::string event_at(double time_s, std::int64_t step, const std::string& what) {
  return double_field(1, time_s) + integer_field(2, step) + what;
}

/// A checksum beside the data that it is of would be weak: TFRecord turns and shifts it.
std::string masked_crc32c(std::string_view content) {
  const std::uint32_t crc = crc32c_of(content);
  return bytes_of<std::uint32_t>(std::rotr(crc, 15) + 0xa282ead8U);
}

}  // namespace

std::uint32_t crc32c_of(std::string_view content) {
  static const auto table = [] {
    std::array<std::uint32_t, 256> entries{};
    for (std::uint32_t i = 0; i < 256; ++i) {
      std::uint32_t crc = i;
      for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78U : 0);
      entries[i] = crc;
    }
    return entries;
  }();
  std::uint32_t crc = ~0U;
  for (const char c : content) crc = crc >> 8 ^ table[(crc ^ static_cast<unsigned char>(c)) & 0xff];
  return ~crc;
}

EventFile::EventFile(const std::filesystem::path& folder, std::int64_t attempt, double time_s) {
  base::make_folder(folder);
  path_ = folder / base::text("events.out.tfevents.", static_cast<std::int64_t>(time_s), ".", spec::this_host(),
                              ".attempt_", attempt);
  file_ = base::open_for_writing(path_, O_WRONLY | O_APPEND);
  write(event_at(time_s, 0, bytes_field(3, "brain.Event:2")));
}

void EventFile::start(std::int64_t step, double time_s) {
  constexpr int kStart = 1;  // SessionLog: status = 1
  write(event_at(time_s, step, bytes_field(7, integer_field(1, kStart))));
}

void EventFile::add(const Scalars& scalars, std::int64_t step, double time_s) {
  std::string summary;  // Summary: repeated value = 1 {tag = 1, simple_value = 2}
  for (const auto& [tag, value] : scalars)
    summary += bytes_field(1, bytes_field(1, tag) + float_field(2, static_cast<float>(value)));
  write(event_at(time_s, step, bytes_field(5, summary)));
}

void EventFile::write(const std::string& event) {
  const std::string length = bytes_of<std::uint64_t>(event.size());
  const std::string record = length + masked_crc32c(length) + event + masked_crc32c(event);
  const ssize_t written = ::write(file_.get(), record.data(), record.size());
  if (written != static_cast<ssize_t>(record.size()))
    throw Error::user({.what = written < 0 ? std::strerror(errno) : "no space is left", .where = path_.string()});
}

}  // namespace muster::supervise
