#include "runtime/reward/grade_lines.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "runtime/base/error.h"
#include "runtime/base/json_filter.h"
#include "runtime/base/text.h"
#include "runtime/reward/client.h"
#include "runtime/reward/own_worker.h"

namespace muster::reward {
namespace {

using nlohmann::ordered_json;

const std::string& text_member(const ordered_json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end()) throw Error::user({.what = base::text("key '", name, "' is missing")});
  if (!found->is_string())
    throw Error::user({.what = base::text("'", name, "' has to be text, not ", found->type_name())});
  return found->get_ref<const std::string&>();
}

GradeSettings settings_of(const ordered_json& object, GradeSettings settings) {
  read_settings(object, settings);
  if (const auto below = object.find("settings"); below != object.end()) {
    if (!below->is_object()) throw Error::user({.what = "'settings' has to be an object"});
    read_settings(*below, settings);
  }
  return settings;
}

}  // namespace

void grade_lines(const std::string& kind, const std::string& input, const std::string& output,
                 const WorkerLimits& limits, const GradeSettings& settings) {
  if (std::count(grade_kinds().begin(), grade_kinds().end(), kind) == 0)
    throw Error::user({.what = base::text("there is no reward kind '", kind, "'"),
                       .where = "--kind",
                       .fix = "kinds: " + base::join(grade_kinds(), ", ")});
  OwnWorker worker(limits);
  RewardClient client({worker.take_client_end()}, {});
  std::int64_t id = 0;
  base::filter_json_lines(input, output, [&](const ordered_json& object) {
    const std::string &answer = text_member(object, "answer"), &gold = text_member(object, "gold");
    const auto row = object.find("row");
    const std::string prompt = object.contains("prompt") ? text_member(object, "prompt") : "";
    GradeSettings own = settings_of(object, settings);
    own.in_thinking = own.in_thinking || opens_thinking(prompt, own.thinking_tags);
    client.submit({.id = ++id,
                   .kind = kind,
                   .answer = answer,
                   .gold = gold,
                   .settings = own,
                   .prompt = prompt,
                   .row = row == object.end() ? "" : row->dump()});
    const Collected collected = client.collect({&id, 1});
    const Grade& grade = collected.grades[0];
    ordered_json reply{{"reward", grade.reward}, {"outcome", outcome_name(grade.outcome)}};
    if (!collected.notes[0].empty()) reply["note"] = collected.notes[0];
    return reply;
  });
}

}  // namespace muster::reward
