#include "launcher/cli/options.h"

#include <algorithm>
#include <boost/program_options.hpp>

#include "runtime/base/error.h"
#include "runtime/base/text.h"

namespace muster::cli {

namespace po = boost::program_options;
using base::text;

const std::vector<std::string>& wish_flags() {
  static const std::vector<std::string> ids{"account", "partition", "qos",      "reservation",    "nodelist",
                                            "exclude", "comment",   "run-root", "time-limit-min", "sbatch-flag"};
  return ids;
}

const std::vector<Flag>& known_flags() {
  static const std::vector<Flag> flags{
      {"cluster", "cluster,c", "C", "a shipped cluster or the path of a cluster file (default: local)"},
      {"set", "set", "key=value", "override one key of the job, as often as you like"},
      {"run-dir", "run-dir", "DIR", "the run folder (default: runs/<job>-<time>)"},
      {"plan", "plan", "FILE", "run a plan as it is"},
      {"new-binaries", "new-binaries", "", "with --run-dir alone: from now on these, not those that submit pinned"},
      {"data-changed", "data-changed", "", "with --run-dir alone: resume though the data is not what it was"},
      {"model", "model", "DIR", "the model folder to look at (default: the job's)"},
      {"json", "json", "", "print JSON"},
      {"sort", "sort", "FIELD", "rates from the highest, everything else upwards; the fields are those of --json"},
      {"runs", "runs", "", "only rows that Muster runs"},
      {"resolved", "resolved", "", "print plan.toml with every key of the job"},
      {"schedule", "schedule", "", "print the trainer's pipeline schedule"},
      {"steps", "steps", "", "the fields of a step record instead"},
      {"personal", "personal", "", "the keys of the personal file (~/.config/muster.toml) instead"},
      {"cluster-keys", "cluster", "", "the keys of a cluster file instead"},
      {"follow", "follow,f", "", "go on as lines are written"},
      {"rank", "rank,r", "R", "of this rank only"},
      {"all-kinds", "all-kinds", "", "one rank of each kind that the plan has"},
      {"experts", "experts", "RULE", "rows that fall on the rank's experts: balanced, or skewed:S times the average"},
      {"lengths", "lengths", "RULE", "of answers: fixed:N, uniform:A-B or a file (default: the published mean)"},
      {"seed", "seed", "S", "one seed"},
      {"seeds", "seeds", "N", "the seeds 0 .. N-1"},
      {"controls", "controls", "", "also the sabotaged runs, which must fail"},
      {"control", "control", "NAME", "also this sabotaged run, as often as you like"},
      {"preflight", "preflight", "", "look at every node before the ranks start (placement.preflight)"},
      {"detach", "detach", "", "return once the ranks run; the run goes on without this terminal"},
      {"submit", "submit", "", "also look at one node, by a job of a minute"},
      {"output", "output", "FILE", "write this file instead of printing"},
      {"account", "account", "NAME", "whom Slurm charges"},
      {"partition", "partition", "NAME", "of the nodes"},
      {"qos", "qos", "NAME", "quality of service"},
      {"reservation", "reservation", "NAME", "name of a reservation"},
      {"nodelist", "nodelist", "HOSTS", "hosts that the job must have"},
      {"exclude", "exclude", "HOSTS", "hosts that it must not have"},
      {"comment", "comment", "TEXT", "a word for Slurm's records"},
      {"time-limit-min", "time-limit-min", "MIN", "of the job, in minutes"},
      {"run-root", "run-root", "DIR", "folder in which the run gets its folder (default: runs)"},
      {"sbatch-flag", "sbatch-flag", "FLAG", "one more flag of sbatch, as often as you like"},
  };
  return flags;
}

const Flag& flag_of(const std::string& id) {
  const auto& flags = known_flags();
  const auto found = std::find_if(flags.begin(), flags.end(), [&](const Flag& flag) { return flag.id == id; });
  INVARIANT(found != flags.end(), "a verb names known flags: " + id);
  return *found;
}

namespace {

std::string long_name(const Flag& flag) { return flag.name.substr(0, flag.name.find(',')); }

po::options_description description_of(const Verb& verb) {
  po::options_description description;
  description.add_options()("help,h", "")("word", po::value<std::vector<std::string>>(), "");
  for (const std::string& id : verb.flags) {
    const Flag& flag = flag_of(id);
    if (flag.value.empty()) {
      description.add_options()(flag.name.c_str(), po::bool_switch(), "");
    } else {
      description.add_options()(flag.name.c_str(), po::value<std::vector<std::string>>()->composing(), "");
    }
  }
  return description;
}

[[noreturn]] void fail(std::string what, std::string fix) {
  throw Error::user({.what = std::move(what), .where = "", .fix = std::move(fix)});
}

/// The values of what was typed, by the id of the flag.
class Typed {
 public:
  Typed(const Verb& verb, const po::variables_map& values) : verb_(verb), values_(values) {}

  bool has(const std::string& id) const { return is_known(id) && values_[long_name(flag_of(id))].as<bool>(); }
  std::vector<std::string> list(const std::string& id) const {
    if (!is_known(id) || values_.count(long_name(flag_of(id))) == 0) return {};
    return values_[long_name(flag_of(id))].as<std::vector<std::string>>();
  }
  std::string one(const std::string& id) const {
    const std::vector<std::string> given = list(id);
    if (given.size() > 1)
      fail(text("--", long_name(flag_of(id)), " is given ", given.size(), " times"), "give it once");
    return given.empty() ? "" : given.front();
  }
  std::optional<std::int64_t> number(const std::string& id) const {
    const std::string given = one(id);
    if (given.empty()) return {};
    if (given.size() > 9 || given.find_first_not_of("0123456789") != std::string::npos) {
      fail(text("--", long_name(flag_of(id)), " ", given), "must be a whole number from 0");
    }
    return std::stoll(given);
  }

 private:
  bool is_known(const std::string& id) const {
    return std::find(verb_.flags.begin(), verb_.flags.end(), id) != verb_.flags.end();
  }

  const Verb& verb_;
  const po::variables_map& values_;
};

/// The flags that say what belongs to neither job nor cluster; they win over the personal file.
cluster::Wishes wishes_of(const Typed& typed) {
  cluster::Wishes wishes;
  const auto take = [&](const std::string& id, const std::string& key, std::string& target) {
    target = typed.one(id);
    if (!target.empty()) wishes.places.keys[key] = "--" + id;
  };
  take("account", "account", wishes.account);
  take("partition", "partition", wishes.partition);
  take("qos", "qos", wishes.qos);
  take("reservation", "reservation", wishes.reservation);
  take("nodelist", "nodelist", wishes.nodelist);
  take("exclude", "exclude", wishes.exclude);
  take("comment", "comment", wishes.comment);
  take("run-root", "run_root", wishes.run_root);
  wishes.sbatch_flags = typed.list("sbatch-flag");
  if (!wishes.sbatch_flags.empty()) wishes.places.keys["sbatch_flags"] = "--sbatch-flag";
  for (const std::string& flag : wishes.sbatch_flags)
    if (!flag.starts_with('-'))
      fail("--sbatch-flag " + flag, "write the flag as sbatch takes it: --sbatch-flag=--nice=100");
  if (const auto minutes = typed.number("time-limit-min")) {
    if (*minutes < 1) fail("--time-limit-min 0", "at least a minute");
    wishes.time_limit_min = *minutes;
    wishes.places.keys["time_limit_min"] = "--time-limit-min";
  }
  return wishes;
}

std::string flags_text(const Verb& verb) {
  std::vector<std::string> names;
  for (const std::string& id : verb.flags) names.push_back("--" + long_name(flag_of(id)));
  return names.empty() ? "no options" : base::join(names, ", ");
}

[[noreturn]] void fail_unknown(const Verb& verb, const std::string& typed) {
  std::vector<std::string> names;
  for (const std::string& id : verb.flags) names.push_back("--" + long_name(flag_of(id)));
  const std::string near = base::nearest(typed, names);
  fail(text("muster ", verb.name, " has no option ", typed),
       (near.empty() ? "" : "did you mean " + near + "? ") + "it has " + flags_text(verb));
}

po::variables_map parse_words(const Verb& verb, const std::vector<std::string>& arguments) {
  const po::options_description description = description_of(verb);
  po::positional_options_description positions;
  positions.add("word", -1);
  const int style = po::command_line_style::unix_style & ~po::command_line_style::allow_guessing;
  po::variables_map values;
  try {
    po::store(po::command_line_parser(arguments).options(description).positional(positions).style(style).run(), values);
    po::notify(values);
  } catch (const po::unknown_option& error) {
    fail_unknown(verb, error.get_option_name());
  } catch (const po::error& error) {
    fail(text("muster ", verb.name, ": ", error.what()), "usage: muster " + verb.name + " " + verb.usage);
  }
  return values;
}

}  // namespace

Options parse_options(const Verb& verb, const std::vector<std::string>& arguments) {
  const po::variables_map values = parse_words(verb, arguments);
  const Typed typed(verb, values);
  Options options;
  options.verb = verb.name;
  options.wants_help = values.count("help") > 0;
  if (values.count("word") > 0) options.words = values["word"].as<std::vector<std::string>>();
  if (options.words.size() > verb.max_words) {
    fail(text("muster ", verb.name, " does not know what to do with \"", options.words[verb.max_words], "\""),
         "usage: muster " + verb.name + " " + verb.usage);
  }
  options.cluster = typed.one("cluster");
  options.overrides = typed.list("set");
  options.run_dir = typed.one("run-dir");
  options.plan_file = typed.one("plan");
  options.new_binaries = typed.has("new-binaries");
  options.data_changed = typed.has("data-changed");
  options.model = typed.one("model");
  options.json = typed.has("json");
  options.sort = typed.one("sort");
  options.runs = typed.has("runs");
  options.resolved = typed.has("resolved");
  options.schedule = typed.has("schedule");
  options.steps = typed.has("steps");
  options.personal_keys = typed.has("personal");
  options.cluster_keys = typed.has("cluster-keys");
  options.follow = typed.has("follow");
  options.rank = typed.number("rank");
  options.all_kinds = typed.has("all-kinds");
  options.lengths = typed.one("lengths");
  options.experts = typed.one("experts");
  options.seed = typed.number("seed");
  options.seeds = typed.number("seeds");
  options.submit = typed.has("submit");
  options.preflight = typed.has("preflight");
  options.detach = typed.has("detach");
  options.controls = typed.has("controls");
  options.output = typed.one("output");
  options.wishes = wishes_of(typed);
  options.control_names = typed.list("control");
  return options;
}

namespace {

std::string padded(const std::string& word, std::size_t width) {
  return word + std::string(word.size() < width ? width - word.size() : 1, ' ');
}

}  // namespace

std::string help_text(const std::vector<Verb>& verbs) {
  std::string page = "muster - GRPO post-training of language models on Slurm clusters\n\nusage: muster VERB ...\n\n";
  for (const Verb& verb : verbs) {
    if (verb.is_for_people) page += text("  ", padded(verb.name, 10), verb.summary, "\n");
  }
  page += "\nexamples\n";
  for (const Verb& verb : verbs) {
    if (verb.is_for_people) page += text("  ", verb.example, "\n");
  }
  return page +
         "\nmuster VERB --help says more, muster --version which one this is. Exit codes: 0 done, 2 invalid input, 3\n"
         "cluster problem, 4 a rank crashed or hung, 70 internal error (a bug), 128 + N ended by signal N; doctor: 1\n"
         "something to look at.\n";
}

std::string help_text(const Verb& verb) {
  std::string page = text("muster ", verb.name, " ", verb.usage, "\n\n  ", verb.summary, "\n\n");
  for (const std::string& id : verb.flags) {
    const Flag& flag = flag_of(id);
    const std::size_t comma = flag.name.find(',');
    const std::string letter = comma == std::string::npos ? "" : "-" + flag.name.substr(comma + 1) + ", ";
    page += text("  ", padded(letter + "--" + long_name(flag) + (flag.value.empty() ? "" : " " + flag.value), 22),
                 flag.meaning, "\n");
  }
  return page + text("\nexample\n  ", verb.example, "\n");
}

}  // namespace muster::cli
