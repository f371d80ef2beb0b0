// muster-parquet INPUT OUTPUT [COLUMN...]: the rows of a Parquet file as JSON lines. A program of its own, so that no
// other one loads Arrow, and so that a hostile file ends here: memory is limited, and so is how much may come out.
#include <arrow/api.h>
#include <arrow/io/file.h>
#include <parquet/arrow/reader.h>
#include <parquet/file_reader.h>
#include <parquet/properties.h>
#include <sys/resource.h>

#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "runtime/base/error.h"
#include "runtime/base/text.h"

namespace muster {
namespace {

constexpr rlim_t kMostMemory_bytes = rlim_t{8} << 30;
constexpr std::int64_t kBatchRows = 1024;
constexpr int kDeepest = 32;
// Text is packed a few times; only a bomb is packed a thousand times.
constexpr std::int64_t kMostGrowth = 1000, kForgiven_bytes = std::int64_t{64} << 20;

std::string path;  // of the input, for errors: set once, before anything is read

[[noreturn]] void refuse(const std::string& what) { throw Error::user({.what = what, .where = path}); }

void check(const arrow::Status& status) {
  if (!status.ok()) refuse("cannot be read as Parquet: " + status.ToString().substr(0, 300));
}

template <class Value>
Value value_of(arrow::Result<Value> result) {
  check(result.status());
  return std::move(result).ValueUnsafe();
}

void append_text(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      char code[8];
      std::snprintf(code, sizeof code, "\\u%04x", c);
      out += code;
    } else {
      out += c;  // bytes that are no UTF-8 stay: whoever reads the line counts it as broken
    }
  }
  out += '"';
}

void append_value(std::string& out, const arrow::Array& array, std::int64_t index, int depth);

template <class List>
void append_list(std::string& out, const List& list, std::int64_t index, int depth) {
  out += '[';
  for (std::int64_t i = list.value_offset(index); i < list.value_offset(index + 1); ++i) {
    if (i > list.value_offset(index)) out += ',';
    append_value(out, *list.values(), i, depth + 1);
  }
  out += ']';
}

void append_struct(std::string& out, const arrow::StructArray& array, std::int64_t index, int depth) {
  out += '{';
  for (int f = 0; f < array.num_fields(); ++f) {
    if (f > 0) out += ',';
    append_text(out, array.struct_type()->field(f)->name());
    out += ':';
    append_value(out, *array.field(f), index, depth + 1);
  }
  out += '}';
}

void append_value(std::string& out, const arrow::Array& array, std::int64_t index, int depth) {
  if (depth > kDeepest) refuse("columns are nested too deep");
  if (array.IsNull(index)) {
    out += "null";
    return;
  }
  switch (array.type_id()) {
    case arrow::Type::STRING:
    case arrow::Type::BINARY:
      return append_text(out, static_cast<const arrow::BinaryArray&>(array).GetView(index));
    case arrow::Type::LARGE_STRING:
    case arrow::Type::LARGE_BINARY:
      return append_text(out, static_cast<const arrow::LargeBinaryArray&>(array).GetView(index));
    case arrow::Type::LIST:
      return append_list(out, static_cast<const arrow::ListArray&>(array), index, depth);
    case arrow::Type::LARGE_LIST:
      return append_list(out, static_cast<const arrow::LargeListArray&>(array), index, depth);
    case arrow::Type::STRUCT:
      return append_struct(out, static_cast<const arrow::StructArray&>(array), index, depth);
    case arrow::Type::DICTIONARY: {
      const auto& words = static_cast<const arrow::DictionaryArray&>(array);
      return append_value(out, *words.dictionary(), words.GetValueIndex(index), depth + 1);
    }
    default:
      break;
  }
  const std::string shown = value_of(array.GetScalar(index))->ToString();
  const bool is_number = arrow::is_integer(array.type_id()) || array.type_id() == arrow::Type::BOOL ||
                         (arrow::is_floating(array.type_id()) && shown.find_first_of("ni") == std::string::npos);
  if (is_number)
    out += shown;  // true, 17, 0.5; nan and inf go as text
  else
    append_text(out, shown);
}

/// The leaves that belong to these columns; all where none is named.
std::vector<int> leaves_of(const parquet::FileMetaData& facts, const std::vector<std::string>& columns) {
  std::vector<int> leaves;
  std::vector<bool> found(columns.size(), false);
  for (int leaf = 0; leaf < facts.num_columns(); ++leaf) {
    const std::string name = facts.schema()->Column(leaf)->path()->ToDotVector().front();
    bool wanted = columns.empty();
    for (std::size_t c = 0; c < columns.size(); ++c)
      if (columns[c] == name) wanted = found[c] = true;
    if (wanted) leaves.push_back(leaf);
  }
  std::string missing;
  for (std::size_t c = 0; c < columns.size(); ++c)
    if (!found[c]) missing += (missing.empty() ? "'" : ", '") + columns[c] + "'";
  if (!missing.empty()) {
    std::string known;
    for (int f = 0; f < facts.schema()->group_node()->field_count() && f < 30; ++f)
      known += (known.empty() ? "" : ", ") + facts.schema()->group_node()->field(f)->name();
    throw Error::user({.what = base::text("has no column ", missing), .where = path, .fix = "it has " + known});
  }
  return leaves;
}

void convert(const std::string& output, const std::vector<std::string>& columns) {
  const auto file = value_of(arrow::io::ReadableFile::Open(path, arrow::system_memory_pool()));
  const std::int64_t most_bytes = value_of(file->GetSize()) * kMostGrowth + kForgiven_bytes;
  parquet::ReaderProperties properties(arrow::system_memory_pool());
  properties.enable_buffered_stream();
  parquet::ArrowReaderProperties arrow_properties(false);
  arrow_properties.set_batch_size(kBatchRows);
  arrow_properties.set_pre_buffer(false);
  parquet::arrow::FileReaderBuilder builder;
  check(builder.Open(file, properties));
  std::unique_ptr<parquet::arrow::FileReader> reader;
  check(builder.memory_pool(arrow::system_memory_pool())->properties(arrow_properties)->Build(&reader));
  const std::vector<int> leaves = leaves_of(*reader->parquet_reader()->metadata(), columns);
  std::vector<int> groups;
  for (int group = 0; group < reader->num_row_groups(); ++group) groups.push_back(group);
  const auto batches = value_of(reader->GetRecordBatchReader(groups, leaves));

  std::ofstream lines(output, std::ios::binary | std::ios::trunc);
  std::int64_t written_bytes = 0;
  std::string text;
  for (;;) {
    std::shared_ptr<arrow::RecordBatch> batch;
    check(batches->ReadNext(&batch));
    if (!batch) break;
    check(batch->ValidateFull());
    const auto rows = value_of(batch->ToStructArray());
    text.clear();
    for (std::int64_t row = 0; row < rows->length(); ++row) {
      append_value(text, *rows, row, 0);
      text += '\n';
    }
    lines.write(text.data(), static_cast<std::streamsize>(text.size()));
    written_bytes += static_cast<std::int64_t>(text.size());
    if (written_bytes > most_bytes)
      refuse(base::text("unpacks to more than ", base::bytes_text(most_bytes), ": this is a bomb, no data"));
    if (!lines) throw Error::user({.what = "cannot be written", .where = output, .fix = "see that the disk has room"});
  }
  lines.close();
  if (!lines) throw Error::user({.what = "cannot be written", .where = output, .fix = "see that the disk has room"});
}

}  // namespace
}  // namespace muster

int main(int count, char** arguments) {
  using namespace muster;
  if (count < 3) {
    std::fputs("usage: muster-parquet INPUT OUTPUT [COLUMN...]\n", stderr);
    return 2;
  }
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // whose shadow memory alone is larger
  const rlimit memory{kMostMemory_bytes, kMostMemory_bytes};
  ::setrlimit(RLIMIT_AS, &memory);
#endif
  path = arguments[1];
  try {
    convert(arguments[2], {arguments + 3, arguments + count});
    return 0;
  } catch (const Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
  } catch (const std::bad_alloc&) {
    std::fprintf(stderr, "%s: wants more memory than %s\n", path.c_str(),
                 base::bytes_text(static_cast<std::int64_t>(kMostMemory_bytes)).c_str());
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: cannot be read as Parquet: %.300s\n", path.c_str(), error.what());
  }
  return 2;
}
