#include "launcher/records/verdict.h"

#include <nlohmann/json.hpp>

#include "runtime/base/error.h"
#include "runtime/base/files.h"
#include "runtime/base/json_text.h"
#include "runtime/base/text.h"

namespace muster::records {

void write_verdict(const spec::RunPaths& paths, const Verdict& verdict) {
  nlohmann::ordered_json object{{"attempt", verdict.attempt}, {"code", verdict.code}, {"sentence", verdict.sentence}};
  if (verdict.rank) object["rank"] = *verdict.rank;
  base::write_file(paths.verdict(verdict.attempt), base::json_text(object) + "\n");
}

std::optional<Verdict> read_verdict(const spec::RunPaths& paths, std::int64_t attempt) {
  std::error_code ignored;
  if (!std::filesystem::exists(paths.verdict(attempt), ignored)) return std::nullopt;
  const auto object = nlohmann::json::parse(base::read_file(paths.verdict(attempt)), nullptr, false);
  if (!object.is_object() || !object.contains("code") || !object["code"].is_number_integer())
    throw Error::user({.what = "not a verdict", .where = paths.verdict(attempt).string()});
  Verdict verdict{.attempt = attempt, .code = object["code"], .sentence = object.value("sentence", "")};
  if (object.contains("rank") && object["rank"].is_number_integer()) verdict.rank = object["rank"].get<std::int64_t>();
  return verdict;
}

}  // namespace muster::records
