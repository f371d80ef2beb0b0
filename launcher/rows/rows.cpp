#include "launcher/rows/rows.h"

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>

#include "launcher/cluster/cluster.h"
#include "runtime/base/files.h"
#include "runtime/base/text.h"
#include "runtime/spec/visitors.h"

namespace muster::rows {

using base::text;

namespace {

template <class Visitor, class R>
void describe_row(Visitor& v, R& row) {
  using spec::kAny;
  using spec::kCountOrZero;
  const auto word = [&](const char* name, auto& value) { v.key(name, value, kAny, "", ""); };
  const auto count = [&](const char* name, auto& value) { v.key(name, value, kCountOrZero, "", ""); };
  word("id", row.id);
  word("release", row.release);
  word("source", row.source);
  word("job", row.job);
  word("model", row.model);
  word("algorithm", row.algorithm);
  word("mode", row.mode);
  word("backend", row.backend);
  word("system", row.system);
  word("cluster", row.cluster);
  count("gpus", row.gpus);
  word("gen_dtype", row.gen_dtype);
  word("train_dtype", row.train_dtype);
  word("dataset", row.dataset);
  count("max_sequence_tokens", row.max_sequence_tokens);
  count("samples_per_step", row.samples_per_step);
  count("update_samples", row.update_samples);
  count("gen_tp", row.gen_tp);
  count("gen_pp", row.gen_pp);
  count("gen_dp", row.gen_dp);
  count("train_tp", row.train_tp);
  count("train_cp", row.train_cp);
  count("train_ep", row.train_ep);
  count("train_pp", row.train_pp);
  count("train_dp", row.train_dp);
  count("tokens_per_s_per_gpu", row.tokens_per_s_per_gpu);
  count("step_s", row.step_s);
  count("answer_tokens", row.answer_tokens);
  word("recipe", row.recipe);
  word("differs", row.differs);
  word("note", row.note);
}

std::string lower(std::string word) {
  std::transform(word.begin(), word.end(), word.begin(), [](unsigned char c) { return std::tolower(c); });
  return word;
}

const std::vector<std::string>& word_fields() {
  static const std::vector<std::string> fields{"id",     "release", "model",   "algorithm", "mode",       "backend",
                                               "system", "cluster", "dataset", "gen_dtype", "train_dtype"};
  return fields;
}

std::string shown(const nlohmann::ordered_json& value) {
  return lower(value.is_string() ? value.get<std::string>() : value.dump());
}

bool holds(const PublishedRow& row, const std::string& word) {
  const nlohmann::ordered_json value = row_value(row);
  const std::size_t equals = word.find('=');
  if (equals != std::string::npos) {
    const std::string key = word.substr(0, equals);
    return value.contains(key) && shown(value[key]) == lower(word.substr(equals + 1));
  }
  if (word == row.job || word == std::to_string(row.gpus)) return true;
  if (word.find_first_not_of("0123456789") == std::string::npos) return false;
  return std::any_of(word_fields().begin(), word_fields().end(), [&](const std::string& field) {
    return value.contains(field) && shown(value[field]).find(lower(word)) != std::string::npos;
  });
}

std::vector<std::string> keys_of_a_row() {
  std::vector<std::string> keys;
  spec::ValueVisitor visitor;
  const PublishedRow empty;
  describe_row(visitor, empty);
  for (const auto& [key, value] : visitor.root.items()) keys.push_back(key);
  return keys;
}

[[noreturn]] void refuse_word(const std::vector<PublishedRow>& rows, const std::string& word) {
  const std::size_t equals = word.find('=');
  std::vector<std::string> known;
  std::string fix;
  if (equals != std::string::npos) {
    known = keys_of_a_row();
    fix = "fields: " + base::join(known, ", ");
    const std::string near = base::nearest(word.substr(0, equals), known);
    if (!near.empty() && near != word.substr(0, equals)) fix = "did you mean \"" + near + "\"? " + fix;
  } else {
    for (const PublishedRow& row : rows) {
      for (const std::string& one : {row.release, row.model, row.system, row.mode, row.backend, row.id, row.job})
        known.push_back(lower(one));
    }
    const std::string near = base::nearest(lower(word), known);
    fix = (near.empty() ? "" : "did you mean \"" + near + "\"? ") +
          std::string("words: v0.5, llama, h100, 16, 1-off, dtensor, fp8, or part of a row's id");
  }
  throw Error::user({.what = text("no published row is \"", word, "\""), .where = "", .fix = fix});
}

}  // namespace

std::vector<PublishedRow> read_rows(const std::filesystem::path& file) {
  base::Faults faults;
  spec::TomlReader reader = spec::TomlReader::parse(base::read_file(file), file.string(), faults);
  std::vector<PublishedRow> rows;
  for (spec::TomlReader& below : reader.tables("row")) {
    rows.emplace_back();
    spec::ReadVisitor visitor(below, nullptr);
    describe_row(visitor, rows.back());
    if (rows.back().id.empty() || rows.back().job.empty())
      faults.add({.what = "a row has no id or no job", .where = below.place(), .fix = "give both"});
  }
  reader.finish();
  faults.throw_if_any();
  return rows;
}

std::vector<PublishedRow> shipped_rows() { return read_rows(cluster::shipped_folder("templates") / "published.toml"); }

nlohmann::ordered_json row_value(const PublishedRow& row) {
  spec::ValueVisitor visitor;
  describe_row(visitor, row);
  nlohmann::ordered_json value;
  for (const auto& [key, one] : visitor.root.items()) {
    const bool is_absent =
        (one.is_number() && one == 0) || (one.is_string() && one == "") || (one.is_array() && one.empty());
    if (!is_absent) value[key] = one;
  }
  value["runs"] = row.unsupported.empty();
  return value;
}

std::vector<PublishedRow> select_rows(std::vector<PublishedRow> rows, const std::vector<std::string>& words) {
  const std::vector<PublishedRow> all = rows;
  for (const std::string& word : words) {
    const auto fits = [&](const PublishedRow& row) { return holds(row, word); };
    if (std::none_of(all.begin(), all.end(), fits)) refuse_word(all, word);
    std::erase_if(rows, [&](const PublishedRow& row) { return !fits(row); });
  }
  if (rows.empty())
    throw Error::user({.what = "no published row is all of: " + base::join(words, ", "),
                       .where = "",
                       .fix = "leave one of the words out"});
  return rows;
}

void sort_rows(std::vector<PublishedRow>& rows, const std::string& key) {
  const std::vector<std::string> known = keys_of_a_row();
  if (std::find(known.begin(), known.end(), key) == known.end()) {
    const std::string near = base::nearest(key, known);
    throw Error::user(
        {.what = text("rows have no field \"", key, "\" to sort by"),
         .where = "--sort",
         .fix = (near.empty() ? "" : "did you mean \"" + near + "\"? ") + "fields: " + base::join(known, ", ")});
  }
  const bool falls = key == "tokens_per_s_per_gpu";
  std::stable_sort(rows.begin(), rows.end(), [&](const PublishedRow& a, const PublishedRow& b) {
    const nlohmann::ordered_json left = row_value(a), right = row_value(b);
    if (!left.contains(key) || !right.contains(key)) return left.contains(key) && !right.contains(key);
    return falls ? right[key] < left[key] : left[key] < right[key];
  });
}

double implied_tokens(const PublishedRow& row) {
  if (row.samples_per_step == 0) return 0;
  return row.tokens_per_s_per_gpu * row.step_s * static_cast<double>(row.gpus) /
         static_cast<double>(row.samples_per_step);
}

}  // namespace muster::rows
