#include "runtime/spec/toml_reader.h"

#include <toml++/toml.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <sstream>

#include "runtime/base/text.h"
#include "runtime/spec/toml_text.h"

namespace muster::spec {

using base::text;

/// One document and what was asked of it; shared by the readers of its tables.
struct Document {
  toml::table root;
  std::string where;
  bool is_override = false;
  std::string raw_value;  // of an override, as typed
  base::Faults* faults = nullptr;
  std::map<const toml::table*, std::vector<std::string>> asked;
  std::vector<std::unique_ptr<toml::table>> absent;  // stand in for tables that the document does not have
};

struct TomlReader::State {
  std::shared_ptr<Document> document;  // shared: the readers of all tables look into one document
  const toml::table* table = nullptr;
  std::string path;  // "train" or "mesh.train"; empty at the top

  std::string full(const std::string& key) const { return path.empty() ? key : path + "." + key; }
  std::string at(const toml::source_position& position) const {
    if (document->is_override || position.line == 0) return document->where;
    return text(document->where, ":", position.line, ":", position.column);
  }
  const toml::node* ask(const std::string& key) {
    document->asked[table].push_back(key);
    return table->get(key);
  }
  void fault(const toml::node& node, const std::string& key, const std::string& must) {
    std::ostringstream given;
    given << toml::node_view<const toml::node>(&node);
    std::string shown = given.str();
    if (shown.size() > 60) shown = shown.substr(0, 57) + "...";
    std::replace(shown.begin(), shown.end(), '\n', ' ');
    document->faults->add({.what = text(full(key), " = ", shown), .where = at(node.source().begin), .fix = must});
  }
};

TomlReader::TomlReader(std::unique_ptr<State> state) : state_(std::move(state)) {}
TomlReader::TomlReader(TomlReader&&) noexcept = default;
TomlReader::~TomlReader() = default;

TomlReader TomlReader::parse(const std::string& content, const std::string& where, base::Faults& faults) {
  auto document = std::make_shared<Document>();
  document->where = where;
  document->faults = &faults;
  try {
    document->root = toml::parse(content, where);
  } catch (const toml::parse_error& error) {
    const auto& position = error.source().begin;
    faults.add({.what = text("not TOML: ", error.description()),
                .where = text(where, ":", position.line, ":", position.column),
                .fix = "mend the syntax there; text values stand in \"quotes\""});
  }
  auto state = std::make_unique<State>();
  state->table = &document->root;
  state->document = std::move(document);
  return TomlReader(std::move(state));
}

namespace {

bool is_bare_key(const std::string& key) {
  return !key.empty() && std::all_of(key.begin(), key.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '_' || c == '-';
  });
}

}  // namespace

TomlReader TomlReader::parse_override(const std::string& override_text, base::Faults& faults) {
  const std::string where = "--set " + override_text;
  const std::size_t equals = override_text.find('=');
  const std::string path = base::trim(override_text.substr(0, equals));
  const std::vector<std::string> keys = base::split(path, '.');
  const bool is_well_formed = equals != std::string::npos && std::all_of(keys.begin(), keys.end(), is_bare_key);
  if (!is_well_formed) {
    faults.add({.what = "not of the form key=value", .where = where, .fix = "write --set train.tp=2"});
    return parse("", where, faults);
  }
  const std::string value = base::trim(override_text.substr(equals + 1));
  base::Faults unused;
  TomlReader reader = parse(path + " = " + value, where, unused);
  if (!unused.empty() || value.find('\n') != std::string::npos) reader = parse(path + " = " + toml_quoted(value), where, faults);
  reader.state_->document->faults = &faults;
  reader.state_->document->is_override = true;
  reader.state_->document->raw_value = value;
  return reader;
}

TomlReader& TomlReader::operator=(TomlReader&&) noexcept = default;

bool TomlReader::has(const std::string& key) const { return state_->table->contains(key); }

std::string TomlReader::place(const std::string& key) const {
  const auto found = state_->table->find(key);
  return found == state_->table->end() ? state_->document->where : state_->at(found->first.source().begin);
}

void TomlReader::read(const std::string& key, bool& value) {
  const toml::node* node = state_->ask(key);
  if (node == nullptr) return;
  if (const auto found = node->value_exact<bool>()) {
    value = *found;
  } else {
    state_->fault(*node, key, "must be true or false");
  }
}

namespace {

/// "between 1 and 8", or one side alone where the other is no limit to speak of.
template <class Number>
std::string bounds_text(Number least, Number most, Number far) {
  if (most >= far) return text("at least ", least);
  return text("between ", least, " and ", most);
}

}  // namespace

void TomlReader::read(const std::string& key, std::int64_t& value, std::int64_t least, std::int64_t most) {
  const toml::node* node = state_->ask(key);
  if (node == nullptr) return;
  const std::string must = bounds_text(least, most, std::int64_t{1} << 40);
  const auto found = node->value_exact<std::int64_t>();
  if (!found) {
    state_->fault(*node, key, "must be a whole number " + must);
  } else if (*found < least || *found > most) {
    state_->fault(*node, key, "must be " + must);
  } else {
    value = *found;
  }
}

void TomlReader::read(const std::string& key, std::uint64_t& value) {
  auto whole = static_cast<std::int64_t>(value);
  read(key, whole, 0, std::numeric_limits<std::int64_t>::max());
  value = static_cast<std::uint64_t>(whole);
}

void TomlReader::read(const std::string& key, double& value, double least, double most) {
  const toml::node* node = state_->ask(key);
  if (node == nullptr) return;
  const std::string must = bounds_text(least, most, 1e12);
  std::optional<double> found = node->value_exact<double>();
  if (const auto whole = node->value_exact<std::int64_t>()) found = static_cast<double>(*whole);
  if (!found) {
    state_->fault(*node, key, "must be a number " + must);
  } else if (!(*found >= least && *found <= most)) {
    state_->fault(*node, key, "must be " + must);
  } else {
    value = *found;
  }
}

void TomlReader::read(const std::string& key, std::string& value) {
  const toml::node* node = state_->ask(key);
  if (node == nullptr) return;
  if (const auto found = node->value_exact<std::string>()) {
    value = *found;
  } else if (state_->document->is_override && !node->is_table() && !node->is_array()) {
    value = state_->document->raw_value;  // --set name=2024 names the job "2024"
  } else {
    state_->fault(*node, key, "must be text in \"quotes\"");
  }
}

namespace {

template <class Item>
std::optional<std::vector<Item>> list_of(const toml::node& node) {
  const toml::array* array = node.as_array();
  if (array == nullptr) return {};
  std::vector<Item> items;
  for (const toml::node& element : *array) {
    const auto item = element.value_exact<Item>();
    if (!item) return {};
    items.push_back(*item);
  }
  return items;
}

}  // namespace

void TomlReader::read(const std::string& key, std::vector<std::string>& value) {
  const toml::node* node = state_->ask(key);
  if (node == nullptr) return;
  if (auto found = list_of<std::string>(*node)) {
    value = std::move(*found);
  } else {
    state_->fault(*node, key, "must be a list of text, such as [\"a\", \"b\"]");
  }
}

void TomlReader::read(const std::string& key, std::vector<std::int64_t>& value) {
  const toml::node* node = state_->ask(key);
  if (node == nullptr) return;
  if (auto found = list_of<std::int64_t>(*node)) {
    value = std::move(*found);
  } else {
    state_->fault(*node, key, "must be a list of whole numbers, such as [0, 1]");
  }
}

void TomlReader::read_choice(const std::string& key, const std::vector<std::string>& names, std::size_t& index) {
  const toml::node* node = state_->ask(key);
  if (node == nullptr) return;
  const std::string must = "must be one of " + base::join(names, ", ");
  const auto found = node->value_exact<std::string>();
  const auto position = found ? std::find(names.begin(), names.end(), *found) : names.end();
  if (position != names.end()) {
    index = static_cast<std::size_t>(position - names.begin());
    return;
  }
  const std::string near = found ? base::nearest(*found, names) : "";
  state_->fault(*node, key, near.empty() ? must : "did you mean \"" + near + "\"? It " + must);
}

TomlReader TomlReader::table(const std::string& key) {
  const toml::node* node = state_->ask(key);
  auto state = std::make_unique<State>();
  state->document = state_->document;
  state->path = state_->full(key);
  if (node != nullptr) {
    state->table = node->as_table();
    if (state->table == nullptr) state_->fault(*node, key, "must be a table: write [" + state->path + "] on a line of its own");
  }
  if (state->table == nullptr) {
    state_->document->absent.push_back(std::make_unique<toml::table>());
    state->table = state_->document->absent.back().get();
  }
  state->document->asked[state->table];
  return TomlReader(std::move(state));
}

std::vector<TomlReader> TomlReader::tables(const std::string& key) {
  std::vector<TomlReader> readers;
  const toml::node* node = state_->ask(key);
  if (node == nullptr) return readers;
  const toml::array* array = node->as_array();
  if (array == nullptr) {
    state_->fault(*node, key, "must be a list of tables, such as [{...}, {...}] or [[" + state_->full(key) + "]]");
    return readers;
  }
  for (const toml::node& element : *array) {
    if (!element.is_table()) {
      state_->fault(element, key, "must be a list of tables, and this is none");
      continue;
    }
    auto state = std::make_unique<State>();
    state->document = state_->document;
    state->path = text(state_->full(key), "[", readers.size(), "]");
    state->table = element.as_table();
    state->document->asked[state->table];
    readers.push_back(TomlReader(std::move(state)));
  }
  return readers;
}

std::string TomlReader::place() const { return state_->at(state_->table->source().begin); }

std::vector<std::string> TomlReader::keys() const {
  std::vector<std::string> names;
  for (const auto& [key, node] : *state_->table) names.emplace_back(key.str());
  return names;
}

base::Faults& TomlReader::faults() { return *state_->document->faults; }

void TomlReader::finish() {
  const auto asked = state_->document->asked.find(state_->table);
  const std::vector<std::string> known = asked == state_->document->asked.end() ? std::vector<std::string>{} : asked->second;
  for (const auto& [key, node] : *state_->table) {
    const std::string name(key.str());
    if (std::find(known.begin(), known.end(), name) != known.end()) {
      finish_below(name, node.as_table(), node.as_array());
      continue;
    }
    const std::string near = base::nearest(name, known);
    const std::string here = state_->path.empty() ? "the top level" : "[" + state_->path + "]";
    std::string fix = near.empty() ? "" : "did you mean '" + near + "'? ";
    fix += here + " knows: " + base::join(known, ", ");
    faults().add({.what = text("unknown key '", name, "' ", state_->path.empty() ? "at " : "in ", here),
                  .where = state_->at(key.source().begin),
                  .fix = fix});
  }
}

void TomlReader::finish_below(const std::string& key, const void* table, const void* array) {
  const auto finish_table = [&](const toml::table* below, const std::string& path) {
    if (!state_->document->asked.contains(below)) return;  // of a wrong type: reported already
    auto state = std::make_unique<State>();
    state->document = state_->document;
    state->table = below;
    state->path = path;
    TomlReader(std::move(state)).finish();
  };
  if (table != nullptr) finish_table(static_cast<const toml::table*>(table), state_->full(key));
  if (array == nullptr) return;
  std::size_t index = 0;
  for (const toml::node& element : *static_cast<const toml::array*>(array)) {
    if (element.is_table()) finish_table(element.as_table(), text(state_->full(key), "[", index, "]"));
    ++index;
  }
}

}  // namespace muster::spec
