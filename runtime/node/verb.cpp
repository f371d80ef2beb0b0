#include "runtime/node/verb.h"

#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <optional>

#include "runtime/base/error.h"
#include "runtime/base/files.h"
#include "runtime/base/port.h"
#include "runtime/base/process.h"
#include "runtime/base/random.h"
#include "runtime/base/text.h"
#include "runtime/data/tokenizer.h"
#include "runtime/node/agent.h"
#include "runtime/node/rank_warnings.h"
#include "runtime/node/verb_plan.h"
#include "runtime/node/verb_rows.h"
#include "runtime/spec/epoch.h"

namespace muster::node {
namespace {

namespace fs = std::filesystem;
using base::text;

constexpr std::int64_t kNewTokens = 256;  // of generate, where --max-new-tokens does not say

/// What was typed: the verb's own words, and keys of the job.
struct Typed {
  VerbRequest request;
  fs::path input, output;
  std::int64_t new_tokens = 0;
};

std::int64_t whole_number(const std::string& option, const std::string& word, std::int64_t least) {
  std::int64_t number = 0;
  const auto [end, code] = std::from_chars(word.data(), word.data() + word.size(), number);
  if (code != std::errc() || end != word.data() + word.size() || number < least)
    throw Error::user({.what = text(option, " ", word, ": a whole number from ", least, " is expected")});
  return number;
}

// Short words for keys of the job.
std::string key_of(const std::string& verb, const std::string& option) {
  if (option == "dtype") return "model.dtype";
  if (verb != "generate") return option;
  if (option == "max-new-tokens") return "sampling.max_new_tokens";
  if (option == "temperature") return "sampling.temperature";
  if (option == "top-p") return "sampling.top_p";
  if (option == "top-k") return "sampling.top_k";
  return option;
}

Typed parse_words(const std::vector<std::string>& words) {
  Typed typed{.request = {.kind = words[0]}};
  const bool generates = words[0] == "generate";
  if (generates) typed.new_tokens = kNewTokens;
  for (std::size_t i = 1; i < words.size(); i += 2) {
    if (!words[i].starts_with("--") || i + 1 == words.size())
      throw Error::user({.what = text("cannot read '", words[i], "' after '", words[0], "'"),
                         .fix = text("--model DIR --input FILE --output FILE [--dtype fp32|bf16] [--ranks N] ",
                                     generates ? "[--max-new-tokens N --temperature T --top-p P --seed S] " : "",
                                     "and keys of a job: --train.tp 3 --threads 2")});
    const std::string option = words[i].substr(2), &value = words[i + 1];
    if (option == "model") {
      typed.request.model = fs::absolute(value).lexically_normal();
    } else if (option == "input") {
      typed.input = fs::absolute(value);
    } else if (option == "output") {
      typed.output = fs::absolute(value);
    } else if (option == "ranks") {
      typed.request.ranks = whole_number(words[i], value, 1);
    } else {
      if (generates && option == "max-new-tokens") typed.new_tokens = whole_number(words[i], value, 1);
      typed.request.keys.emplace_back(key_of(words[0], option), value);
    }
  }
  base::Faults faults;
  for (const auto& [name, path] : {std::pair{"--model", &typed.request.model}, std::pair{"--input", &typed.input},
                                   std::pair{"--output", &typed.output}})
    if (path->empty()) faults.add({.what = text(name, " is missing"), .where = "muster-runtime " + words[0]});
  faults.throw_if_any();
  return typed;
}

/// A folder that is there for as long as the verb runs.
class ScratchFolder {
 public:
  explicit ScratchFolder(const std::string& verb) {
    std::string name = (fs::temp_directory_path() / ("muster-" + verb + "-XXXXXX")).string();
    if (::mkdtemp(name.data()) == nullptr)
      throw Error::user({.what = text("cannot make a folder: ", std::strerror(errno)),
                         .where = name,
                         .fix = "set TMPDIR to a folder that you may write"});
    path_ = name;
  }
  ~ScratchFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  ScratchFolder(const ScratchFolder&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

// The files of a run's first attempt, all on this machine.
spec::Placement write_attempt(const spec::Plan& plan) {
  const spec::RunPaths paths{plan.run_folder};
  spec::Placement placement{.attempt_id = base::random_hex(8), .key_file = paths.attempt(0) / "key"};
  placement.port = base::choose_port(placement.attempt_id, base::ephemeral_begin(), base::port_is_free);
  placement.nodes = {{.slot = 0, .host = spec::this_host(), .address = "127.0.0.1"}};
  base::make_folder(paths.attempt(0));
  base::write_file(
      paths.epoch(),
      spec::epoch_text(
          {.id = placement.attempt_id, .host = spec::this_host(), .boot_id = spec::this_boot_id(), .pid = ::getpid()}));
  base::write_file(placement.key_file, base::random_hex(32) + "\n", 0600);
  base::write_file(paths.placement(0), spec::placement_text(placement));
  base::write_file(paths.plan(), spec::plan_text(plan));
  return placement;
}

void check_output(const fs::path& output) {
  std::error_code ignored;
  if (!fs::is_directory(output.parent_path(), ignored) || fs::is_directory(output, ignored))
    throw Error::user({.what = "--output is no file that can be written", .where = output.string()});
}

// The logs of the ranks go with the folder, so what they warn of is shown here.
void show_warnings(const spec::Plan& plan) {
  std::string logs;
  for (const spec::RankPlan& rank : plan.ranks) {
    const fs::path log = spec::RunPaths{plan.run_folder}.rank_log(0, rank.rank);
    if (base::is_there(log)) logs += base::read_file(log) + "\n";
  }
  for (const std::string& sentence : warnings_in(logs))
    std::fprintf(stderr, "muster-runtime: warning: %s\n", sentence.c_str());
}

}  // namespace

bool needs_ranks(const std::string& verb) { return verb == "score" || verb == "generate" || verb == "gradients"; }

int run_ranks_verb(const std::vector<std::string>& words) {
  Typed typed = parse_words(words);
  VerbRequest& request = typed.request;
  const bool generates = request.kind == "generate";
  check_output(typed.output);
  const spec::ModelFacts facts = spec::read_model_facts(request.model);
  if (typed.new_tokens >= facts.max_position_embeddings)
    throw Error::user(
        {.what = base::text("--max-new-tokens ", typed.new_tokens, " leaves no room for a prompt: the model has ",
                            facts.max_position_embeddings, " positions"),
         .where = request.model.string(),
         .fix = base::text("give --max-new-tokens ", facts.max_position_embeddings / 2, ", say")});
  std::optional<data::Tokenizer> tokenizer;
  if (generates) tokenizer = data::Tokenizer::read(request.model);
  const std::vector<VerbRow> rows =
      read_verb_rows(typed.input, {.vocab_size = facts.vocab_size,
                                   .most_tokens = facts.max_position_embeddings - typed.new_tokens,
                                   .tokenizer = tokenizer ? &*tokenizer : nullptr,
                                   .model = request.model});
  request.num_rows = std::ssize(rows);
  for (const VerbRow& row : rows)
    request.max_sequence_tokens = std::max(request.max_sequence_tokens, std::ssize(row.tokens) + typed.new_tokens);
  spec::Plan plan = plan_verb(request, facts);
  if (generates) plan.job.sampling.max_new_tokens = typed.new_tokens;

  const ScratchFolder folder(request.kind);
  plan.run_folder = folder.path();
  plan.binaries = base::executable_folder();
  plan.job.verb.input = (folder.path() / "rows.jsonl").string();
  plan.job.verb.output = typed.output.string();
  base::write_file(plan.job.verb.input, verb_rows_text(rows));
  const spec::Placement placement = write_attempt(plan);
  const spec::RunPaths paths{plan.run_folder};
  const int code =
      run_agent(plan, placement,
                {.plan = paths.plan(), .placement = paths.placement(0), .binaries = plan.binaries, .is_quiet = true});
  show_warnings(plan);
  return code;
}

}  // namespace muster::node
