// A key is read by the program, or waits for a mode that is refused, or says itself that it has no effect. Readers are
// found in the sources: the member of the key's table, outside of what describes and checks every key.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "runtime/base/files.h"
#include "runtime/base/text.h"
#include "runtime/spec/job_schema.h"
#include "runtime/spec/supported.h"
#include "runtime/spec/toml_reader.h"

namespace muster::spec {
namespace {

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

/// Whether `text` holds `member` as a whole: "gen.tp" is in "job.gen.tp;", not in "gen.tp_size".
bool reads(const std::string& text, const std::string& member) {
  for (std::size_t at = text.find(member); at != std::string::npos; at = text.find(member, at + 1)) {
    const std::size_t end = at + member.size();
    const bool begins = member[0] == '.' || at == 0 || !is_word(text[at - 1]);
    if (begins && (end == text.size() || !is_word(text[end]))) return true;
  }
  return false;
}

std::string without_strings(const std::string& source) {
  std::string code;
  bool quoted = false;
  for (std::size_t at = 0; at < source.size(); ++at) {
    if (quoted && source[at] == '\\') {
      ++at;
    } else if (source[at] == '"' || source[at] == '\n') {
      quoted = source[at] == '"' && !quoted;
      code += source[at];
    } else if (!quoted) {
      code += source[at];
    }
  }
  return code;
}

/// The code of launcher and runtime, but for what describes and checks all keys alike.
std::vector<std::string> code_of_the_tree() {
  const std::filesystem::path root = MUSTER_SOURCE_DIR;
  const std::set<std::string> about_keys = {"job.h",          "job_schema.h",     "check_job.cpp",
                                            "check_data.cpp", "check_layout.cpp", "supported.cpp"};
  std::vector<std::string> code;
  for (const char* program : {"launcher", "runtime"}) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root / program)) {
      const std::filesystem::path& path = entry.path();
      const std::string room = path.parent_path().filename();
      if (room == "estimate" || room == "tune") continue;  // they guess at a run: no key is obeyed there
      const bool is_spec = room == "spec";
      if (path.extension() != ".cpp" && path.extension() != ".h" && path.extension() != ".cu") continue;
      if (is_spec && about_keys.contains(path.filename())) continue;
      code.push_back(without_strings(base::read_file(path)));
    }
  }
  return code;
}

/// "data.sources[].path" -> {"sources", "path"}: the innermost table and the name.
std::pair<std::string, std::string> table_and_name(const std::string& key) {
  const std::size_t dot = key.rfind('.');
  if (dot == std::string::npos) return {"", key};
  std::string table = key.substr(0, dot);
  if (table.ends_with("[]")) table.resize(table.size() - 2);
  return {table.substr(table.rfind('.') + 1), key.substr(dot + 1)};
}

/// Keys that no source reads: as ".name", in a source that knows the table where another table has that name too.
std::vector<std::string> keys_without_reader(const std::vector<std::string>& keys,
                                             const std::vector<std::string>& code) {
  std::map<std::string, int> tables;
  for (const std::string& key : keys) ++tables[table_and_name(key).second];
  std::vector<std::string> unread;
  for (const std::string& key : keys) {
    const auto [table, name] = table_and_name(key);
    const auto reads_it = [&, table = table, name = name](const std::string& each) {
      return reads(each, "." + name) && (tables[name] == 1 || each.find(table) != std::string::npos);
    };
    if (std::none_of(code.begin(), code.end(), reads_it)) unread.push_back(key);
  }
  return unread;
}

/// A key without a reader, and the mode it belongs to, which is refused by name until somebody reads the key.
struct Waiting {
  const char* key;
  void (*turn_on)(Plan&);
};

void draft(Plan& plan) { plan.job.gen.draft_tokens = 1; }
void expert_bias(Plan& plan) { plan.job.moe.bias_update_rate = 0.001; }
void fp8_generation(Plan& plan) { plan.job.gen.dtype = DataType::fp8; }
void fp8_training(Plan& plan) { plan.job.train.fp8 = true; }

const std::vector<Waiting> kWaiting = {{"gen.bf16_first_layers", fp8_generation},
                                       {"gen.bf16_last_layers", fp8_generation},
                                       {"gen.draft_tokens", draft},
                                       {"gen.fp8_scaling", fp8_generation},
                                       {"gen.fp8_skip", fp8_generation},
                                       {"moe.bias_update_rate", expert_bias},
                                       {"train.fp8", fp8_training},
                                       {"train.fp8_format", fp8_training},
                                       {"train.fp8_scaling", fp8_training}};

/// Keys that change nothing, whose giving is answered by a warning that says so.
const std::set<std::string> kWithoutEffect = {"gen.cuda_graphs"};

/// Whether a job that gives the flag is warned that it has no effect.
bool is_answered_by_warning(const std::string& flag) {
  base::Faults faults;
  KeyPlaces places;
  Job job = read_job({.text = "", .where = "job.toml", .overrides = {flag + "=true"}}, "bases", faults, &places);
  std::vector<std::string> warnings;
  check_job(job, nullptr, places, faults, warnings);
  return std::any_of(warnings.begin(), warnings.end(), [&flag](const std::string& warning) {
    return warning.find(flag + " has no effect") != std::string::npos;
  });
}

TEST(Keys, AreReadOrWaitForAModeThatIsRefused) {
  std::vector<std::string> keys;
  for (const KeyInfo& key : job_keys()) keys.push_back(key.key);
  const std::vector<std::string> code = code_of_the_tree();
  ASSERT_GT(code.size(), 300U);
  std::set<std::string> unread;
  for (const std::string& key : keys_without_reader(keys, code)) unread.insert(key);
  for (const Waiting& waiting : kWaiting) {
    EXPECT_EQ(unread.erase(waiting.key), 1U) << waiting.key << " is read now: take it out of kWaiting";
    Plan plan;
    waiting.turn_on(plan);
    EXPECT_FALSE(unsupported(plan).empty()) << "the mode of " << waiting.key << " runs now, and nobody reads the key";
  }
  for (const std::string& key : kWithoutEffect) {
    EXPECT_EQ(unread.erase(key), 1U) << key << " is read now: take it out of kWithoutEffect";
    EXPECT_TRUE(is_answered_by_warning(key)) << key;
  }
  for (const std::string& key : unread) ADD_FAILURE() << key << " is neither read nor refused";
}

TEST(Keys, AReaderIsTheMemberAsAWhole) {
  const std::vector<std::string> keys = {"gen.tp", "train.tp", "train.dp", "gen.fp8_skip", "data.sources[].path",
                                         "a.path"};
  const std::string code = without_strings("f(train.tp, \"train.dp\", x.dp_size, recipe.fp8_skip, sources[0].path);\n");
  EXPECT_EQ(keys_without_reader(keys, {code}), (std::vector<std::string>{"gen.tp", "train.dp"}));
}

}  // namespace
}  // namespace muster::spec
