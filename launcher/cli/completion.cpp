#include "launcher/cli/completion.h"

#include <algorithm>
#include <cctype>

#include "launcher/cluster/cluster.h"
#include "launcher/rows/rows.h"
#include "runtime/base/error.h"
#include "runtime/base/text.h"
#include "runtime/spec/job.h"
#include "runtime/spec/toml_reader.h"

namespace muster::cli {

using base::text;

namespace {

/// What may stand in one place of a command line.
struct Offer {
  std::vector<std::string> words;                          // as they are
  std::string paths;                                       // pattern of files for the shell, "" for none
  bool folders = false, runs = false, is_setting = false;  // is_setting: words are keys, a value follows
};

void add_rows(Offer& offer) {
  for (const rows::PublishedRow& row : rows::shipped_rows()) offer.words.push_back(row.id);
}

Offer jobs() {
  Offer offer{cluster::names_in(cluster::shipped_folder("templates") / "jobs"), "*.toml"};
  add_rows(offer);
  return offer;
}
Offer clusters() { return {cluster::names_in(cluster::shipped_folder("clusters")), "*.toml"}; }

Offer keys() {
  Offer offer{.is_setting = true};
  for (const spec::KeyInfo& key : spec::job_keys())
    if (key.key.find_first_of("[] ") == std::string::npos) offer.words.push_back(key.key + "=");
  return offer;
}

Offer offer_of(const Flag& flag) {
  if (flag.value == "C") return clusters();
  if (flag.value == "key=value") return keys();
  if (flag.value == "DIR") return {.folders = true};
  if (flag.value == "FILE") return {.paths = "*"};
  if (flag.value.starts_with("RUN")) return {.folders = true, .runs = true};
  return {};
}

bool is_lower(const std::string& word) {
  return !word.empty() && std::all_of(word.begin(), word.end(), [](unsigned char c) { return std::islower(c); });
}

/// The words of a verb, as its usage says: "JOB ...", "[RUN]...", "show FILE | probe ...".
Offer offer_of(const Verb& verb) {
  Offer offer;
  std::string usage = verb.page.usage;
  std::erase_if(usage, [](char c) { return c == '[' || c == ']' || c == '.'; });
  for (const std::string& form : base::split(usage, '|')) {
    const std::vector<std::string> parts = base::split(base::trim(form), ' ');
    if (parts[0] == "JOB") offer = jobs();
    if (parts[0] == "RUN") offer.folders = offer.runs = true;
    if (parts.size() > 1 && parts[1] == "ROW") add_rows(offer);
    if (!is_lower(parts[0])) continue;
    offer.words.push_back(parts[0]);
    if (parts.size() > 1 && parts[1] == "FILE" && offer.paths.empty()) {
      const Offer files = clusters();
      offer.words.insert(offer.words.end(), files.words.begin(), files.words.end());
      offer.paths = files.paths;
    }
  }
  return offer;
}

/// "--cluster" and, where there is one, "-c".
std::vector<std::string> names_of(const Flag& flag) {
  const std::size_t comma = flag.name.find(',');
  std::vector<std::string> names{"--" + flag.name.substr(0, comma)};
  if (comma != std::string::npos) names.push_back("-" + flag.name.substr(comma + 1));
  return names;
}

/// Flags with a value that can be told, once each.
std::vector<Flag> flags_with_values(const std::vector<Verb>& verbs) {
  std::vector<Flag> flags;
  for (const Verb& verb : verbs)
    for (const Flag& flag : verb.flags)
      if (!flag.value.empty() &&
          std::none_of(flags.begin(), flags.end(), [&](const Flag& seen) { return seen.name == flag.name; }))
        flags.push_back(flag);
  return flags;
}

std::string long_flags(const Verb& verb) {
  std::vector<std::string> names{"--help"};
  for (const Flag& flag : verb.flags) names.push_back(names_of(flag)[0]);
  return base::join(names, " ");
}

std::vector<Verb> for_people(const std::vector<Verb>& verbs) {
  std::vector<Verb> list;
  std::copy_if(verbs.begin(), verbs.end(), std::back_inserter(list),
               [](const Verb& verb) { return verb.page.is_for_people; });
  return list;
}

/// In single quotes of every shell here.
std::string quoted(const std::string& words) {
  std::string out;
  for (const char c : words) out += c == '\'' ? "'\\''" : std::string(1, c);
  return "'" + out + "'";
}

std::string bash_offer(const Offer& offer) {
  std::string code;
  if (!offer.words.empty()) code += text(" _muster_add -W ", quoted(base::join(offer.words, " ")), ";");
  if (!offer.paths.empty()) code += text(" _muster_add -f -X ", quoted("!" + offer.paths), "; _muster_add -d;");
  if (offer.folders) code += " _muster_add -d;";
  if (offer.runs) code += " _muster_add -W \"$(cd runs 2>/dev/null && printf 'runs/%s ' *)\";";
  // Only paths are quoted as such: the "=" of a key would become "\\=".
  if (!offer.paths.empty() || offer.folders) code += " compopt -o filenames;";
  if (offer.is_setting) code += " compopt -o nospace;";
  return code.empty() ? " :;" : code;
}

std::string bash_text(const std::vector<Verb>& verbs) {
  std::vector<std::string> names;
  for (const Verb& verb : verbs) names.push_back(verb.page.name);
  std::string page =
      "# bash completion of muster: source <(muster completion bash)\n"
      "_muster_add() { local word; while IFS= read -r word; do COMPREPLY+=(\"$word\"); done < <(compgen \"$@\" -- "
      "\"$cur\"); }\n"
      "_muster() {\n"
      "  local cur=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} flags=\n"
      "  COMPREPLY=()\n";
  page += text("  if ((COMP_CWORD == 1)); then _muster_add -W ", quoted(base::join(names, " ")), "; return; fi\n");
  page += "  case $before in\n";
  for (const Flag& flag : flags_with_values(verbs))
    page += text("    ", base::join(names_of(flag), "|"), ")", bash_offer(offer_of(flag)), " return ;;\n");
  page += "  esac\n  case ${COMP_WORDS[1]} in\n";
  for (const Verb& verb : verbs)
    page += text("    ", verb.page.name, ") flags=", quoted(long_flags(verb)), "; [[ $cur == -* ]] ||", " {",
                 bash_offer(offer_of(verb)), " } ;;\n");
  return page +
         "  esac\n"
         "  if [[ $cur == -* ]]; then _muster_add -W \"$flags\"; fi\n"
         "}\n"
         "complete -F _muster muster\n";
}

std::string zsh_offer(const Offer& offer) {
  std::string code;
  if (!offer.words.empty())
    code += text(offer.is_setting ? " compadd -S '' -- " : " compadd -- ", base::join(offer.words, " "), ";");
  if (!offer.paths.empty()) code += text(" _files -g ", quoted(offer.paths), ";");
  if (offer.folders) code += " _files -/;";
  if (offer.runs) code += " compadd -- runs/*(N/);";
  return code.empty() ? " :;" : code;
}

std::string zsh_text(const std::vector<Verb>& verbs) {
  std::string page =
      "#compdef muster\n# zsh completion of muster: source <(muster completion zsh), or a file _muster in $fpath\n"
      "_muster() {\n  local -a verbs flags\n  verbs=(\n";
  for (const Verb& verb : verbs) {
    std::string summary;
    for (const char c : verb.page.summary) summary += c == ':' ? "\\:" : std::string(1, c);
    page += text("    ", quoted(verb.page.name + ":" + summary), "\n");
  }
  page += "  )\n  if ((CURRENT == 2)); then _describe verb verbs; return; fi\n  case $words[CURRENT-1] in\n";
  for (const Flag& flag : flags_with_values(verbs))
    page += text("    ", base::join(names_of(flag), "|"), ")", zsh_offer(offer_of(flag)), " return ;;\n");
  page += "  esac\n  case $words[2] in\n";
  for (const Verb& verb : verbs)
    page += text("    ", verb.page.name, ") flags=(", long_flags(verb), "); [[ $PREFIX == -* ]] || {",
                 zsh_offer(offer_of(verb)), " } ;;\n");
  return page +
         "  esac\n"
         "  if [[ $PREFIX == -* ]]; then compadd -- $flags; fi\n"
         "}\n"
         "if [[ $funcstack[1] == _muster ]]; then _muster \"$@\"; else compdef _muster muster; fi\n";
}

std::string fish_offer(const Offer& offer) {
  std::vector<std::string> words = offer.words;
  if (!offer.paths.empty() && offer.paths != "*") words.push_back("(__fish_complete_suffix .toml)");
  if (offer.folders) words.push_back("(__fish_complete_directories)");
  return words.empty() ? "" : " -a " + quoted(base::join(words, " "));
}

std::string fish_text(const std::vector<Verb>& verbs) {
  std::string page = "# fish completion of muster: muster completion fish | source\ncomplete -c muster -f\n";
  for (const Verb& verb : verbs) {
    page += text("complete -c muster -n __fish_use_subcommand -a ", verb.page.name, " -d ", quoted(verb.page.summary),
                 "\n");
    const std::string here = text("complete -c muster -n '__fish_seen_subcommand_from ", verb.page.name, "'");
    if (const std::string offer = fish_offer(offer_of(verb)); !offer.empty()) page += here + offer + "\n";
    for (const Flag& flag : verb.flags) {
      const std::vector<std::string> names = names_of(flag);
      page += text(here, " -l ", names[0].substr(2), names.size() > 1 ? " -s " + names[1].substr(1) : "",
                   flag.value.empty()     ? ""
                   : flag.value == "FILE" ? " -r -F"
                                          : " -x",
                   fish_offer(offer_of(flag)), " -d ", quoted(flag.meaning), "\n");
    }
  }
  return page;
}

}  // namespace

std::string completion_text(const std::string& shell, const std::vector<Verb>& verbs) {
  const std::vector<Verb> shown = for_people(verbs);
  if (shell == "bash") return bash_text(shown);
  if (shell == "zsh") return zsh_text(shown);
  if (shell == "fish") return fish_text(shown);
  throw Error::user(
      {.what = shell.empty() ? "muster completion needs the name of a shell"
                             : text("there is no completion for '", shell, "'"),
       .fix = "bash, zsh or fish: muster completion bash > ~/.local/share/bash-completion/completions/muster"});
}

Verb completion_verb(const std::vector<Verb>& verbs) {
  struct Options {
    std::vector<std::string> words;  // the shell
  };
  return make_verb<Options>(
      {.name = "completion",
       .usage = "bash | zsh | fish",
       .summary = "prints what makes a shell complete verbs, options, jobs, clusters, keys and runs",
       .example = "source <(muster completion bash)",
       .max_words = 1},
      [](Flags&, Options&) {},
      [&verbs](const Options& options) {
        base::print(stdout, completion_text(options.words.empty() ? "" : options.words[0], verbs));
        return 0;
      });
}

}  // namespace muster::cli
