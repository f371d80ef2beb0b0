#include "launcher/keys/keys.h"

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>

#include "launcher/cli/shared_flags.h"
#include "launcher/cluster/cluster.h"
#include "launcher/cluster/user_settings.h"
#include "launcher/keys/page.h"
#include "runtime/base/error.h"
#include "runtime/base/text.h"
#include "runtime/spec/step_record.h"
#include "runtime/spec/toml_reader.h"
#include "runtime/spec/validation_record.h"

namespace muster::keys {
namespace {

struct KeysOptions {
  std::vector<std::string> words;
  bool steps = false, cluster_keys = false, personal_keys = false, json = false;
};

void print(const std::string& page) { base::print(stdout, page); }

/// Whether a word of the user's occurs in the name or meaning of a key, whatever the case.
bool is_about(const spec::KeyInfo& key, const std::string& word) {
  const auto same = [](unsigned char a, unsigned char b) { return std::tolower(a) == std::tolower(b); };
  const auto has = [&](const std::string& text) {
    return std::search(text.begin(), text.end(), word.begin(), word.end(), same) != text.end();
  };
  return has(key.key) || has(key.meaning);
}

/// Those of `keys` that every word is about. throws: Error::user when there is none.
std::vector<spec::KeyInfo> selected(std::vector<spec::KeyInfo> keys, const std::vector<std::string>& words) {
  std::vector<std::string> names;
  for (const spec::KeyInfo& key : keys)
    for (const std::string& part : base::split(key.key, '.')) names.push_back(part);
  for (const std::string& word : words)
    std::erase_if(keys, [&](const spec::KeyInfo& key) { return !is_about(key, word); });
  if (!keys.empty()) return keys;
  const std::string near = base::nearest(words.front(), names);
  throw Error::user({.what = "no key is about \"" + base::join(words, " ") + "\"",
                     .where = "",
                     .fix = near.empty() ? "muster keys shows all" : "did you mean \"" + near + "\"?"});
}

std::string keys_json(const std::vector<spec::KeyInfo>& keys) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const spec::KeyInfo& key : keys)
    list.push_back({{"key", key.key},
                    {"type", key.type},
                    {"range", key.range},
                    {"unit", key.unit},
                    {"default", key.fallback},
                    {"meaning", key.meaning}});
  return list.dump(2) + "\n";
}

std::string fields_json(const std::vector<spec::FieldInfo>& fields, const std::string& file) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const spec::FieldInfo& field : fields)
    list.push_back({{"file", file}, {"field", field.name}, {"unit", field.unit}, {"meaning", field.meaning}});
  return list.dump(2) + "\n";
}

int show_keys(const KeysOptions& options) {
  if (options.steps + options.cluster_keys + options.personal_keys > 1)
    throw Error::user(
        {.what = "--steps, --cluster and --personal do not go together", .where = "", .fix = "choose one"});
  if (options.steps) {
    if (options.json)
      print(fields_json(spec::step_fields(), "steps.jsonl"));
    else
      print(step_fields_page(spec::step_fields()) + "\n" +
            step_fields_page(spec::validation_fields(), "validation.jsonl"));
    return 0;
  }
  const std::vector<spec::KeyInfo> keys = selected(options.personal_keys  ? cluster::personal_keys()
                                                   : options.cluster_keys ? cluster::cluster_keys()
                                                                          : spec::job_keys(),
                                                   options.words);
  print(options.json ? keys_json(keys) : keys_page(keys));
  return 0;
}

}  // namespace

cli::Verb keys_verb() {
  return cli::make_verb<KeysOptions>(
      {.name = "keys",
       .usage = "[WORD]... [--steps | --cluster | --personal] [--json]",
       .summary =
           "the keys of job, cluster and personal files that are about WORD, with type, unit, default and meaning",
       .example = "muster keys kl",
       .max_words = 16},
      [](cli::Flags& flags, KeysOptions& options) {
        flags.add("steps", "the fields of a step record instead", options.steps);
        flags.add("cluster", "the keys of a cluster file instead", options.cluster_keys);
        flags.add("personal", "the keys of the personal file (~/.config/muster.toml) instead", options.personal_keys);
        cli::add_json_flag(flags, options.json);
      },
      show_keys);
}

}  // namespace muster::keys
