// source: the safetensors format: eight bytes of little-endian length, a JSON object of {dtype, shape, data_offsets},
// the bytes.
#include "runtime/weights/safetensors_header.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <array>
#include <bit>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>

#include "runtime/base/error.h"
#include "runtime/base/json_text.h"
#include "runtime/base/text.h"

namespace muster::weights {
namespace {

using base::text;
using nlohmann::json;

/// A type of the format; those without a type of LibTorch may lie in a file, but are not loaded.
struct TypeName {
  std::string_view name;
  std::int64_t bits;
  at::ScalarType type = at::ScalarType::Undefined;
};
constexpr std::array kTypes{
    TypeName{"F64", 64, at::kDouble},
    TypeName{"F32", 32, at::kFloat},
    TypeName{"F16", 16, at::kHalf},
    TypeName{"BF16", 16, at::kBFloat16},
    TypeName{"I64", 64, at::kLong},
    TypeName{"I32", 32, at::kInt},
    TypeName{"I16", 16, at::kShort},
    TypeName{"I8", 8, at::kChar},
    TypeName{"U8", 8, at::kByte},
    TypeName{"BOOL", 8, at::kBool},
    TypeName{"F8_E4M3", 8, at::kFloat8_e4m3fn},
    TypeName{"F8_E5M2", 8, at::kFloat8_e5m2},
    TypeName{"U16", 16},
    TypeName{"U32", 32},
    TypeName{"U64", 64},
    TypeName{"C64", 64},
    TypeName{"F8_E8M0", 8},
    TypeName{"F8_E4M3FNUZ", 8},
    TypeName{"F8_E5M2FNUZ", 8},
    TypeName{"F6_E2M3", 6},
    TypeName{"F6_E3M2", 6},
    TypeName{"F4", 4},
};
constexpr std::string_view kFetchAgain = "fetch or write the file anew";
constexpr std::int64_t kMostCommas =
    4'000'000;  // of a header; the largest models have half a million in all their files
constexpr std::size_t kShownFaults = 20;

/// The object, or an error: names that come twice would hide a tensor.
json parse_object(std::string_view header, const std::string& where) {
  std::set<std::string> names;
  std::string twice;
  const auto watch = [&](int depth, json::parse_event_t event, json& parsed) {
    if (depth == 1 && event == json::parse_event_t::key && !names.insert(parsed.get<std::string>()).second)
      twice = parsed.get<std::string>();
    return true;
  };
  const auto fail = [&](const std::string& what) -> json {
    throw Error::user({.what = what, .where = where, .fix = std::string(kFetchAgain)});
  };
  if (base::json_depth(header) > base::kDeepestJson) return fail("the header is nested too deep");
  if (std::count(header.begin(), header.end(), ',') > kMostCommas)
    return fail(text("the header has more than ", kMostCommas, " values"));
  if (header.empty() || header.front() != '{') return fail("no safetensors file: the header does not begin with '{'");
  json object;
  try {
    object = json::parse(header, watch);
  } catch (const json::exception& error) {
    return fail(text("the header is not JSON: ", error.what()));
  }
  if (!object.is_object()) return fail("the header is not a JSON object");
  if (!twice.empty()) return fail(text("the header names '", twice, "' twice"));
  return object;
}

bool is_count(const json& value) {
  return value.is_number_unsigned() && value.get<std::uint64_t>() <= std::numeric_limits<std::int64_t>::max();
}

/// Bytes that the shape takes, or -1 when they exceed any file or end within a byte.
std::int64_t bytes_of(const std::vector<std::int64_t>& shape, std::int64_t element_bits) {
  std::int64_t bits = element_bits;
  for (const std::int64_t size : shape)
    if (__builtin_mul_overflow(bits, size, &bits)) return -1;
  return bits % 8 == 0 ? bits / 8 : -1;
}

/// One entry, or "" and what is wrong with it.
std::string read_entry(const json& value, std::int64_t data_begin, std::int64_t data_bytes, TensorEntry& entry) {
  if (!value.is_object() || !value.contains("dtype") || !value.contains("shape") || !value.contains("data_offsets"))
    return "lacks dtype, shape or data_offsets";
  const json &dtype = value["dtype"], &shape = value["shape"], &offsets = value["data_offsets"];
  const auto* found =
      dtype.is_string()
          ? std::find_if(kTypes.begin(), kTypes.end(),
                         [&](const TypeName& type) { return type.name == dtype.get_ref<const std::string&>(); })
          : kTypes.end();
  if (found == kTypes.end()) return text("has the unknown dtype ", dtype.dump());
  entry.dtype = found->type;
  entry.type_name = found->name;
  if (!shape.is_array() || !std::all_of(shape.begin(), shape.end(), is_count))
    return text("has the shape ", shape.dump());
  entry.shape = shape.get<std::vector<std::int64_t>>();
  if (!offsets.is_array() || offsets.size() != 2 || !std::all_of(offsets.begin(), offsets.end(), is_count))
    return text("has the offsets ", offsets.dump());
  const auto begin = offsets[0].get<std::int64_t>(), end = offsets[1].get<std::int64_t>();
  if (begin > end || end > data_bytes)
    return text("lies at bytes ", begin, " to ", end, ", but the file holds ", data_bytes,
                " bytes of data: it is cut off or its header lies");
  const std::int64_t needed = bytes_of(entry.shape, found->bits);
  if (needed != end - begin)
    return text("of shape ", shape.dump(), " and type ", dtype.dump(), " does not take the ", end - begin,
                " bytes that its offsets give it");
  entry.begin = data_begin + begin;
  entry.end = data_begin + end;
  return "";
}

/// Tensors must fill the data without gap and without overlap.
void check_cover(const std::map<std::string, TensorEntry>& entries, std::int64_t data_begin, std::int64_t data_bytes,
                 const std::string& where, base::Faults& faults) {
  std::vector<const std::pair<const std::string, TensorEntry>*> order;
  for (const auto& entry : entries) order.push_back(&entry);
  std::sort(order.begin(), order.end(), [](const auto* a, const auto* b) {
    return std::pair(a->second.begin, a->second.end) < std::pair(b->second.begin, b->second.end);
  });
  std::int64_t next = data_begin;
  for (const auto* entry : order) {
    const std::int64_t begin = entry->second.begin;
    if (begin < next)
      return faults.add({.what = text("tensor '", entry->first, "' overlaps the one before it"),
                         .where = where,
                         .fix = std::string(kFetchAgain)});
    if (begin > next)
      return faults.add({.what = text("there are ", begin - next, " bytes of no tensor before '", entry->first, "'"),
                         .where = where,
                         .fix = std::string(kFetchAgain)});
    next = entry->second.end;
  }
  if (next != data_begin + data_bytes)
    faults.add({.what = text("the file has ", data_begin + data_bytes - next, " bytes behind its last tensor"),
                .where = where,
                .fix = std::string(kFetchAgain)});
}

}  // namespace

std::map<std::string, TensorEntry> parse_header(std::string_view header, std::int64_t data_begin,
                                                std::int64_t data_bytes, const std::string& where) {
  const json object = parse_object(header, where);
  std::map<std::string, TensorEntry> entries;
  base::Faults faults;
  for (const auto& [name, value] : object.items()) {
    if (name == "__metadata__") continue;
    TensorEntry entry{};
    if (faults.list().size() == kShownFaults) break;
    const std::string fault = read_entry(value, data_begin, data_bytes, entry);
    if (!fault.empty())
      faults.add({.what = text("tensor '", name, "' ", fault), .where = where, .fix = std::string(kFetchAgain)});
    else
      entries.emplace(name, std::move(entry));
  }
  if (faults.empty()) check_cover(entries, data_begin, data_bytes, where, faults);
  faults.throw_if_any();
  return entries;
}

std::string header_text(const std::vector<std::pair<std::string, at::Tensor>>& tensors,
                        const std::map<std::string, std::string>& metadata) {
  nlohmann::ordered_json object = nlohmann::ordered_json::object();
  if (!metadata.empty()) object["__metadata__"] = metadata;
  std::int64_t offset = 0;
  for (const auto& [name, tensor] : tensors) {
    const auto found = std::find_if(kTypes.begin(), kTypes.end(),
                                    [&](const TypeName& type) { return type.type == tensor.scalar_type(); });
    INVARIANT(tensor.defined() && found != kTypes.end(), "safetensors has a name for the type");
    const auto bytes = static_cast<std::int64_t>(tensor.nbytes());
    object[name] = {
        {"dtype", found->name}, {"shape", tensor.sizes().vec()}, {"data_offsets", {offset, offset + bytes}}};
    offset += bytes;
  }
  std::string body = object.dump();
  body.resize((body.size() + 8 + 63) / 64 * 64 - 8, ' ');
  static_assert(std::endian::native == std::endian::little, "lengths and numbers are written as they lie in memory");
  const std::uint64_t length = body.size();
  return std::string(reinterpret_cast<const char*>(&length), sizeof length) + body;
}

}  // namespace muster::weights
