// origin.json, written and read.
#include "runtime/spec/origin.h"

#include <nlohmann/json.hpp>

#include "runtime/base/error.h"
#include "runtime/base/files.h"
#include "runtime/base/json_text.h"

namespace muster::spec {
namespace fs = std::filesystem;

fs::path origin_file(const fs::path& run_folder) { return run_folder / "origin.json"; }

void write_origin(const fs::path& run_folder, const Origin& origin) {
  const nlohmann::ordered_json object{{"job_file", origin.job_file},
                                      {"cluster", origin.cluster},
                                      {"overrides", origin.overrides},
                                      {"from_run", origin.from_run},
                                      {"from_step", origin.from_step}};
  base::write_file(origin_file(run_folder), base::json_text(object, 2) + "\n");
}

std::optional<Origin> read_origin(const fs::path& run_folder) {
  const fs::path file = origin_file(run_folder);
  if (!base::is_there(file)) return std::nullopt;
  try {
    const auto object = nlohmann::json::parse(base::read_file(file));
    return Origin{.job_file = object.at("job_file").get<std::string>(),
                  .cluster = object.at("cluster").get<std::string>(),
                  .overrides = object.at("overrides").get<std::vector<std::string>>(),
                  .from_run = object.at("from_run").get<std::string>(),
                  .from_step = object.at("from_step").get<std::int64_t>()};
  } catch (const nlohmann::json::exception& error) {
    throw Error::user({.what = std::string("not the record of where a run came from: ") + error.what(),
                       .where = file.string(),
                       .fix = "remove the file: the run goes on without it"});
  }
}

}  // namespace muster::spec
