// An event file as TensorBoard reads it, without TensorFlow: records of {length, masked CRC-32C of it, protobuf Event,
// masked CRC-32C of that}, all little-endian (TensorFlow's record_writer.cc, event.proto and summary.proto say so).
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/base/files.h"

namespace muster::supervise {

/// Castagnoli's, as iSCSI and TFRecord use it.
std::uint32_t crc32c_of(std::string_view content);

using Scalars = std::vector<std::pair<std::string, double>>;

class EventFile {
 public:
  /// A new file in `folder`, which is made; the one of a later `attempt` sorts behind. `time_s`: seconds since 1970.
  /// throws: Error::user naming the file (no space, no permission), as all of these.
  EventFile(const std::filesystem::path& folder, std::int64_t attempt, double time_s);

  /// A run begins or goes on at `step`: what earlier files say from there on is forgotten by the reader.
  void start(std::int64_t step, double time_s);
  /// Whole at once: a reader sees all of it or none.
  void add(const Scalars& scalars, std::int64_t step, double time_s);

 private:
  void write(const std::string& event);

  std::filesystem::path path_;
  base::Descriptor file_;
};

}  // namespace muster::supervise
