// Which keys of [data] belong together, and whether templates, date and names of built-in tasks can be what they say.
#include "runtime/spec/check_data.h"

#include <algorithm>
#include <cctype>
#include <chrono>

#include "runtime/base/error.h"
#include "runtime/base/text.h"
#include "runtime/spec/row_template.h"

namespace muster::spec {
namespace {

using base::text;

/// "2026-11-30", a day that there is.
bool is_date(const std::string& date) {
  if (date.size() != 10 || date[4] != '-' || date[7] != '-') return false;
  for (const std::size_t at : {0, 1, 2, 3, 5, 6, 8, 9})
    if (std::isdigit(static_cast<unsigned char>(date[at])) == 0) return false;
  const std::chrono::year_month_day day{std::chrono::year(std::stoi(date.substr(0, 4))),
                                        std::chrono::month(static_cast<unsigned>(std::stoi(date.substr(5, 2)))),
                                        std::chrono::day(static_cast<unsigned>(std::stoi(date.substr(8, 2))))};
  return day.ok() && date >= "1900";
}

class DataCheck {
 public:
  DataCheck(const DataJob& data, const KeyPlaces& places, base::Faults& faults, std::vector<std::string>& warnings)
      : data_(data), places_(places), faults_(faults), warnings_(warnings) {}

  void check() {
    check_sources();
    check_templates();
    check_chat();
    if (data_.held_out > 0 && data_.held_out_share > 0)
      fault("data.held_out_share", "data.held_out and data.held_out_share exclude each other", "take one of them out");
  }

 private:
  void fault(const std::string& key, std::string what, std::string fix) {
    faults_.add({std::move(what), places_.of(key), std::move(fix)});
  }

  void check_sources() {
    const bool is_one = !data_.path.empty();
    if (data_.sources.empty() && !is_one)
      return fault("data.path", "the job names no data",
                   "give data.path: a file of JSON lines or Parquet, a folder or pattern of such, \"builtin:sums\", "
                   "\"builtin:reverse-digits\" or \"builtin:letters\"");
    if (!data_.sources.empty() &&
        (is_one || !data_.schema.empty() || !data_.prompt_field.empty() || !data_.answer_field.empty()))
      fault("data.sources", "data.sources and the keys of one source (path, schema, *_field) exclude each other",
            "write path, schema and fields into each of [[data.sources]]");
    const std::vector<DataSource> sources = data_sources(data_);
    std::int64_t weighted = 0, trained = 0;
    for (std::size_t s = 0; s < sources.size(); ++s) {
      check_source(sources[s], data_.sources.empty() ? "data." : text("data.sources[", s, "]."));
      trained += sources[s].validate_only ? 0 : 1;
      weighted += !sources[s].validate_only && sources[s].weight > 0 ? 1 : 0;
    }
    if (trained == 0) fault("data.sources", "every source is validate_only", "at least one has to be trained on");
    if (weighted > 0 && weighted < trained)
      fault("data.sources", text(weighted, " of the ", trained, " sources that are trained on have a weight"),
            "give all of them one, or none");
  }

  void check_source(const DataSource& source, const std::string& prefix) {
    constexpr std::string_view kBuiltin = "builtin:";
    if (!data_.messages_field.empty() && !source.prompt_field.empty())
      fault(prefix + "prompt_field", text(prefix, "prompt_field has no effect beside data.messages_field"),
            "take one of them out");
    if (source.path.empty()) return fault(prefix + "path", "the source names no file", "give its path");
    if (!source.path.starts_with(kBuiltin)) return;
    const std::vector<std::string> known{"builtin:sums", "builtin:reverse-digits", "builtin:letters"};
    if (std::find(known.begin(), known.end(), source.path) != known.end()) return;
    const std::string near = base::nearest(source.path, known);
    fault(prefix + "path", text("there is no data \"", source.path, "\""),
          text(near.empty() ? "" : "did you mean \"" + near + "\"? ", "built in: ", base::join(known, ", ")));
  }

  void check_templates() {
    if (!data_.messages_field.empty() && data_.prompt != DataJob{}.prompt)
      fault("data.prompt", "data.prompt has no effect beside data.messages_field", "take one of them out");
    const bool has_field = check_template("data.prompt", data_.prompt);
    check_template("data.answer", data_.answer);
    if (!has_field) warnings_.push_back("data.prompt names no field: every row makes the same prompt");
  }

  /// Does it name a field? True where it has a fault.
  bool check_template(const std::string& key, const std::string& written) {
    try {
      const std::vector<TemplatePart> parts = parse_row_template(written, key);
      return std::any_of(parts.begin(), parts.end(), [](const TemplatePart& part) { return part.is_field; });
    } catch (const Error& error) {
      fault(key, text(key, ": ", error.faults().at(0).what), error.faults()[0].fix);
      return true;
    }
  }

  void check_chat() {
    struct Key {
      const char* name;
      bool is_set;
    };
    for (const Key& key :
         {Key{"data.system", !data_.system.empty()}, Key{"data.thinking", data_.thinking != Switch::automatic},
          Key{"data.messages_field", !data_.messages_field.empty()},
          Key{"data.template_date", !data_.template_date.empty()}})
      if (key.is_set && data_.chat_template.empty())
        fault(key.name, text(key.name, " has no effect without a chat template"), "set data.chat_template = \"model\"");
    if (!data_.messages_field.empty() && !data_.system.empty())
      fault("data.system", "data.system has no effect beside data.messages_field",
            "the turns of a row stand as they are: take one of them out");
    if (!data_.template_date.empty() && data_.chat_template == "chatml")
      fault("data.template_date", "data.template_date has no effect: ChatML has no date", "take it out");
    if (!data_.template_date.empty() && !is_date(data_.template_date))
      fault("data.template_date", text("data.template_date = \"", data_.template_date, "\" is no date"),
            "write it as YYYY-MM-DD: \"2026-11-30\"");
  }

  const DataJob& data_;
  const KeyPlaces& places_;
  base::Faults& faults_;
  std::vector<std::string>& warnings_;
};

}  // namespace

void check_data(const DataJob& data, const KeyPlaces& places, base::Faults& faults,
                std::vector<std::string>& warnings) {
  DataCheck(data, places, faults, warnings).check();
}

}  // namespace muster::spec
