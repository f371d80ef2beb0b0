// muster-parquet INPUT OUTPUT [FIELD...]: the rows of a Parquet file as JSON lines, of the columns that these fields
// (names or paths) lie in. A program of its own, so that no other one loads Arrow, and so that a hostile file ends
// here: memory is limited, and so is how much may come out.
#include <arrow/api.h>
#include <arrow/io/file.h>
#include <parquet/arrow/reader.h>
#include <parquet/file_reader.h>
#include <parquet/properties.h>
#include <sys/resource.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include "runtime/base/error.h"
#include "runtime/base/inherited.h"
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

void append_items(std::string& out, const arrow::Array& values, std::int64_t begin, std::int64_t size, int depth) {
  out += '[';
  for (std::int64_t i = begin; i < begin + size; ++i) {
    if (i > begin) out += ',';
    append_value(out, values, i, depth + 1);
  }
  out += ']';
}

/// Lists of all kinds know where the values of one begin and how many there are.
template <class List>
void append_list(std::string& out, const arrow::Array& array, std::int64_t index, int depth) {
  const auto& list = static_cast<const List&>(array);
  append_items(out, *list.values(), list.value_offset(index), list.value_length(index), depth);
}

/// A map of names is an object; one of other keys the list of its pairs.
void append_map(std::string& out, const arrow::MapArray& map, std::int64_t index, int depth) {
  const std::int64_t begin = map.value_offset(index), size = map.value_length(index);
  const bool has_names =
      map.keys()->type_id() == arrow::Type::STRING || map.keys()->type_id() == arrow::Type::LARGE_STRING;
  out += has_names ? '{' : '[';
  for (std::int64_t i = begin; i < begin + size; ++i) {
    if (i > begin) out += ',';
    if (!has_names) out += '[';
    append_value(out, *map.keys(), i, depth + 1);
    out += has_names ? ':' : ',';
    append_value(out, *map.items(), i, depth + 1);
    if (!has_names) out += ']';
  }
  out += has_names ? '}' : ']';
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

bool is_number(arrow::Type::type type) {
  return arrow::is_integer(type) || type == arrow::Type::BOOL || arrow::is_floating(type);
}

/// Is it a type that append_value knows?
bool is_read(const arrow::DataType& type) {
  switch (type.id()) {
    case arrow::Type::STRING:
    case arrow::Type::LARGE_STRING:
    case arrow::Type::STRING_VIEW:
    case arrow::Type::BINARY:
    case arrow::Type::LARGE_BINARY:
    case arrow::Type::BINARY_VIEW:
    case arrow::Type::FIXED_SIZE_BINARY:
    case arrow::Type::NA:
      return true;
    case arrow::Type::LIST:
    case arrow::Type::LARGE_LIST:
    case arrow::Type::FIXED_SIZE_LIST:
    case arrow::Type::LIST_VIEW:
    case arrow::Type::LARGE_LIST_VIEW:
    case arrow::Type::MAP:
    case arrow::Type::STRUCT:
      return std::all_of(type.fields().begin(), type.fields().end(),
                         [](const std::shared_ptr<arrow::Field>& field) { return is_read(*field->type()); });
    case arrow::Type::DICTIONARY:
      return is_read(*static_cast<const arrow::DictionaryType&>(type).value_type());
    case arrow::Type::EXTENSION:
      return is_read(*static_cast<const arrow::ExtensionType&>(type).storage_type());
    default:
      return is_number(type.id()) || arrow::is_decimal(type.id()) || arrow::is_temporal(type.id()) ||
             type.id() == arrow::Type::DURATION;
  }
}

void check_types(const arrow::Schema& schema) {
  for (const std::shared_ptr<arrow::Field>& field : schema.fields())
    if (!is_read(*field->type()))
      throw Error::user({.what = base::text("column '", field->name(), "' has the type ",
                                            field->type()->ToString().substr(0, 200), ", which is not read"),
                         .where = path,
                         .fix = "write it as text, numbers, lists or structs"});
}

/// Numbers, and what is written as text: decimals, dates, times; nan and inf go as text too.
void append_scalar(std::string& out, const arrow::Array& array, std::int64_t index) {
  const arrow::Type::type type = array.type_id();
  const std::string shown = value_of(array.GetScalar(index))->ToString();
  if (is_number(type) && (!arrow::is_floating(type) || shown.find_first_of("ni") == std::string::npos))
    out += shown;
  else
    append_text(out, shown);
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
    case arrow::Type::STRING_VIEW:
    case arrow::Type::BINARY_VIEW:
      return append_text(out, static_cast<const arrow::BinaryViewArray&>(array).GetView(index));
    case arrow::Type::FIXED_SIZE_BINARY:
      return append_text(out, static_cast<const arrow::FixedSizeBinaryArray&>(array).GetView(index));
    case arrow::Type::LIST:
      return append_list<arrow::ListArray>(out, array, index, depth);
    case arrow::Type::LARGE_LIST:
      return append_list<arrow::LargeListArray>(out, array, index, depth);
    case arrow::Type::FIXED_SIZE_LIST:
      return append_list<arrow::FixedSizeListArray>(out, array, index, depth);
    case arrow::Type::LIST_VIEW:
      return append_list<arrow::ListViewArray>(out, array, index, depth);
    case arrow::Type::LARGE_LIST_VIEW:
      return append_list<arrow::LargeListViewArray>(out, array, index, depth);
    case arrow::Type::MAP:
      return append_map(out, static_cast<const arrow::MapArray&>(array), index, depth);
    case arrow::Type::EXTENSION:
      return append_value(out, *static_cast<const arrow::ExtensionArray&>(array).storage(), index, depth + 1);
    case arrow::Type::STRUCT:
      return append_struct(out, static_cast<const arrow::StructArray&>(array), index, depth);
    case arrow::Type::DICTIONARY: {
      const auto& words = static_cast<const arrow::DictionaryArray&>(array);
      return append_value(out, *words.dictionary(), words.GetValueIndex(index), depth + 1);
    }
    default:
      return append_scalar(out, array, index);
  }
}

/// The top-level column that a field lies in: of its name, or of the longest part of its path that is one; or "".
std::string column_of(const std::string& field, const std::vector<std::string>& columns) {
  std::string found;
  for (const std::string& column : columns)
    if ((field == column || field.starts_with(column + ".")) && column.size() >= found.size()) found = column;
  return found;
}

[[noreturn]] void refuse_fields(const std::vector<std::string>& missing, std::vector<std::string> columns) {
  std::vector<std::string> near, quoted;
  for (const std::string& field : missing) {
    quoted.push_back("'" + field + "'");
    if (const std::string name = base::nearest(field, columns); !name.empty()) near.push_back("'" + name + "'");
  }
  if (columns.size() > 30) columns.resize(30), columns.push_back("...");
  throw Error::user(
      {.what = base::text("has no column ", base::join(quoted, ", ")),
       .where = path,
       .fix = base::text("it has ", base::join(columns, ", "),
                         near.empty() ? "" : "; did you mean " + base::join(near, ", ") + "?",
                         "; data.prompt_field and data.answer_field name what {prompt} and {answer} are")});
}

/// The leaves of the columns that these fields lie in; all where none is named.
std::vector<int> leaves_of(const parquet::FileMetaData& facts, const std::vector<std::string>& fields) {
  std::vector<std::string> columns, missing;
  for (int f = 0; f < facts.schema()->group_node()->field_count(); ++f)
    columns.push_back(facts.schema()->group_node()->field(f)->name());
  std::set<std::string> wanted;
  for (const std::string& field : fields) {
    const std::string column = column_of(field, columns);
    column.empty() ? missing.push_back(field) : static_cast<void>(wanted.insert(column));
  }
  if (!missing.empty()) refuse_fields(missing, columns);
  std::vector<int> leaves;
  for (int leaf = 0; leaf < facts.num_columns(); ++leaf)
    if (fields.empty() || wanted.contains(facts.schema()->Column(leaf)->path()->ToDotVector().front()))
      leaves.push_back(leaf);
  return leaves;
}

void convert(const std::string& output, const std::vector<std::string>& fields) {
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
  const std::vector<int> leaves = leaves_of(*reader->parquet_reader()->metadata(), fields);
  std::vector<int> groups;
  for (int group = 0; group < reader->num_row_groups(); ++group) groups.push_back(group);
  const auto batches = value_of(reader->GetRecordBatchReader(groups, leaves));
  check_types(*batches->schema());

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
    written_bytes += std::ssize(text);
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
  base::repair_inherited_state();
  if (count < 3) {
    std::fputs("usage: muster-parquet INPUT OUTPUT [FIELD...]\n", stderr);
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
