#include "launcher/rows/page.h"

#include <cmath>
#include <set>

#include "launcher/cluster/cluster.h"
#include "launcher/rows/fetch.h"
#include "runtime/base/columns.h"
#include "runtime/base/text.h"
#include "runtime/spec/model_facts.h"
#include "runtime/spec/parameters.h"
#include "runtime/spec/toml_reader.h"

namespace muster::rows {

using base::left;
using base::right;
using base::text;

namespace {

constexpr std::size_t kWidth = 100;
/// Tokens of a sample beyond the answer (prompt, a short text of the environment) in the rows that close.
constexpr double kLeastPrompt = 90, kMostPrompt = 180;

std::string figure(double value) {
  if (value == 0) return "-";
  std::string digits = base::number_text(value, value >= 1000 ? 0 : value >= 20 ? 1 : 2);
  while (digits.find('.') != std::string::npos && (digits.back() == '0' || digits.back() == '.')) {
    const bool was_point = digits.back() == '.';
    digits.pop_back();
    if (was_point) break;
  }
  return digits;
}

std::string printed(std::int64_t count) { return count == 0 ? "-" : std::to_string(count); }

std::string line(const std::string& name, const std::string& value) { return "  " + left(name, 15) + value + "\n"; }

/// Words under `indent` blanks, the first line too.
std::string paragraph(const std::string& words, std::size_t indent) {
  std::string out, current(indent, ' ');
  for (const std::string& word : base::split(words, ' ')) {
    if (current.size() > indent && current.size() + 1 + word.size() > kWidth) {
      out += current + "\n";
      current.assign(indent, ' ');
    }
    current += (current.size() > indent ? " " : "") + word;
  }
  return out + current + "\n";
}

/// The value that the row prints for a key of the job.
std::string printed_value(const PublishedRow& row, const std::string& key) {
  if (key == "gen.dp") return text("generation DP ", row.gen_dp);
  if (key == "train.ep") return text("training EP ", row.train_ep);
  if (key == "train.gbs") return text("T-GBS ", row.update_samples);
  return text("G-GBS ", row.samples_per_step);
}
std::string own_value(const spec::Job& job, const std::string& key) {
  if (key == "gen.dp") return text("gen.dp = ", job.gen.dp);
  if (key == "train.ep") return text("train.ep = ", job.train.ep);
  if (key == "train.gbs") return text("train.gbs = ", job.train.gbs);
  return text(job.grpo.prompts_per_step, " prompts x ", job.grpo.samples_per_prompt,
              " samples = ", spec::samples_per_step(job));
}

double beyond_the_answer(const PublishedRow& row) {
  return implied_tokens(row) - static_cast<double>(row.answer_tokens);
}

bool is_closed(const PublishedRow& row) {
  const double more = beyond_the_answer(row);
  return row.step_s == 0 || (more >= kLeastPrompt && more <= kMostPrompt);
}

bool is_doubtful(const PublishedRow& row) { return !row.differs.empty() || !is_closed(row); }

std::string closing(const PublishedRow& row) {
  if (row.step_s == 0) return "";
  const double tokens = implied_tokens(row);
  const double more = beyond_the_answer(row);
  const bool closes = is_closed(row);
  return line("closes",
              text(closes ? "yes: " : "NO: ", row.tokens_per_s_per_gpu, " x ", row.step_s, " s x ", row.gpus,
                   " GPUs / ", row.samples_per_step, " samples = ", base::number_text(tokens, 0), " tokens a sample")) +
         line("", text(base::number_text(std::abs(more), 0), more < 0 ? " fewer" : " more", " than the answer",
                       closes ? ", the prompt" : text("; a prompt has about 100 to 150")));
}

/// As the hub stores them, in BF16; 0 where the job names no model of the templates.
double weights_bytes(const spec::Job& job) {
  if (job.model.name.empty()) return 0;
  const spec::ModelFacts facts = spec::named_model_facts(job.model.name, cluster::shipped_folder("templates"));
  return 2 * static_cast<double>(spec::parameter_count(facts));
}

}  // namespace

std::string rows_page(const std::vector<PublishedRow>& rows) {
  std::string page = "Performance that NVIDIA published for NeMo RL v0.4 to v0.6; Muster has not measured these.\n\n" +
                     left("row", 39) + right("tok/s/GPU", 9) + right("step s", 7) + "   job\n";
  std::set<std::string> jobs;
  bool has_doubts = false;
  std::size_t runs = 0;
  for (const PublishedRow& row : rows) {
    jobs.insert(row.job);
    has_doubts = has_doubts || is_doubtful(row);
    runs += row.unsupported.empty() ? 1 : 0;
    page += left(row.id, 39) + right(figure(row.tokens_per_s_per_gpu), 9) + right(figure(row.step_s), 6) +
            left(text(" ", row.unsupported.empty() ? "*" : "", is_doubtful(row) ? "!" : ""), 4) + row.job + "\n";
  }
  page +=
      text("\n", rows.size(), rows.size() == 1 ? " row, " : " rows, ", jobs.size(), jobs.size() == 1 ? " job" : " jobs",
           ".\n* Muster runs it: ", runs, " of these. The others it plans.",
           has_doubts ? "\n! The published row contains an error, or throughput x time does not match its tokens." : "",
           "\nOne in full: muster rows ROW. Its plan: muster plan ROW\n");
  return page;
}

std::string row_page(const PublishedRow& row, const spec::Job& job) {
  std::string page = row.id + "\n\n";
  page += line("model", text(row.model, ", ", row.dataset));
  page += line("run", text(row.algorithm, " ", row.mode, ", ",
                           job.placement.mode == spec::PlacementMode::split ? "split" : "colocated", ", ", row.backend,
                           ", generation in ", row.gen_dtype, ", training in ", row.train_dtype));
  page += line("on", text(row.gpus, " GPUs of ", row.system, " (cluster ", row.cluster, ")"));
  page += line("source", row.source + (row.recipe.empty() ? "" : ", recipe " + row.recipe));
  page += line("job", row.job);
  page +=
      "  " + left("runs", 15) +
      paragraph(row.unsupported.empty() ? "yes" : "no: it needs " + base::join(row.unsupported, ", "), 17).substr(17);
  page += "\n  as printed        TP   CP   EP   PP   DP     GBS\n";
  page += "  " + left("generation", 15) + right(printed(row.gen_tp), 5) + right("-", 5) + right("-", 5) +
          right(printed(row.gen_pp), 5) + right(printed(row.gen_dp), 5) + right(printed(row.samples_per_step), 8) +
          "\n";
  page += "  " + left("training", 15) + right(printed(row.train_tp), 5) + right(printed(row.train_cp), 5) +
          right(printed(row.train_ep), 5) + right(printed(row.train_pp), 5) + right(printed(row.train_dp), 5) +
          right(printed(row.update_samples), 8) + "\n";
  page += "  " + left("sequence", 15) + text("at most ", row.max_sequence_tokens, " tokens\n\n");
  page += line("tokens/s/GPU", figure(row.tokens_per_s_per_gpu));
  page += line("step", row.step_s == 0 ? "not printed" : figure(row.step_s) + " s");
  page += line("answer", row.answer_tokens == 0 ? "not printed" : text(row.answer_tokens, " tokens on average"));
  page += closing(row);
  for (const std::string& key : row.differs)
    page += line("differs", text("printed ", printed_value(row, key), "; the job has ", own_value(job, key)));
  if (!row.note.empty()) page += "\n" + paragraph(row.note, 2);
  page += text("\n  muster plan ", row.job, " --cluster ", row.cluster, "\n");
  if (!job.model.path.empty()) page += "\n" + fetch_lines(row, job, weights_bytes(job), 2);
  return page;
}

}  // namespace muster::rows
