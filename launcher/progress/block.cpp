#include "launcher/progress/block.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "launcher/page/charts.h"
#include "launcher/page/figure_text.h"
#include "launcher/records/step_statistics.h"
#include "runtime/base/text.h"
#include "runtime/spec/answer_lengths.h"

namespace muster::progress {

using page::bar;
using page::clock_text;
using page::columns_of;
using page::fitted;
using page::harmless;
using page::Ink;
using page::Line;
using page::padded;
using page::phase_bar;
using page::phase_legend;
using page::phase_shares;
using page::PhaseShare;
using page::rate_text;
using page::reward_text;
using page::small_text;
using page::sparkline;
using page::spread;
using page::step_seconds_text;
using page::Style;
using records::recent_step_s;
using records::remaining_s;
using records::run_share;
using records::RunRecords;
using records::StartLines;
using records::WarmupLines;
namespace {

using base::text;

Line label(const char* word) { return {padded(word, kLabelColumns), Ink::dim}; }

Line head_line(const spec::Plan& plan, const Moment& moment, const Style& style) {
  Line left(harmless(plan.job.name, style), Ink::bold);
  const Line right(text(moment.over ? "took " : "elapsed ", clock_text(moment.elapsed_s)), Ink::dim);
  const Line whole = Line(left).add("   " + ranks_text(plan), Ink::dim);
  return spread(whole.columns() + right.columns() + 2 <= style.columns ? whole : left, right, style.columns);
}

/// A bar over what `right` leaves of the line.
Line bar_line(double share, const Line& right, const Style& style) {
  const std::int64_t room = style.columns - right.columns() - 2;
  if (room < 8) return right;
  return Line(bar(share, room, style), Ink::green).add("  ").add(right);
}

Line progress_line(const spec::Plan& plan, const RunRecords& records, double step_s, const Moment& moment,
                   const Style& style) {
  const std::int64_t steps = plan.job.grpo.steps, done = records.steps.rbegin()->first;
  const double share = moment.over ? static_cast<double>(done) / static_cast<double>(std::max<std::int64_t>(1, steps))
                                   : run_share(done, steps, step_s, moment.since_last_s);
  Line right;
  if (spec::is_synthetic(plan.job)) right.add("synthetic   ");
  right.add(text("step ", done, "/", steps), Ink::bold).add(text("  ", static_cast<std::int64_t>(share * 100), " %"));
  if (!moment.over)
    right.add(done < steps ? "   ETA " + clock_text(remaining_s(step_s, steps - done, moment.since_last_s))
              : plan.job.checkpoint.final_model ? "   writing the model"
                                                : "   ending");
  return bar_line(share, right, style);
}

Line reward_line(const spec::Plan& plan, const RunRecords& records, const Style& style) {
  std::vector<double> rewards;
  std::int64_t best = 0;
  for (const auto& [number, step] : records.steps) {
    rewards.push_back(step.reward);
    if (best == 0 || (std::isfinite(step.reward) && !(step.reward <= records.steps.at(best).reward))) best = number;
  }
  const std::string extremes = text("first ", reward_text(rewards.front()), ", best ",
                                    reward_text(records.steps.at(best).reward), " at step ", best);
  const std::int64_t room = style.columns - kLabelColumns - 8 - columns_of(extremes) - 3;
  const std::int64_t width = std::clamp<std::int64_t>(room, 8, 60);
  const auto steps = static_cast<std::size_t>(std::max<std::int64_t>(1, plan.job.grpo.steps));
  return fitted(
      {label("reward").add(padded(reward_text(rewards.back()), 5), Ink::bold),
       Line(sparkline(rewards, {.columns = width, .of = steps, .top = 1}, style), Ink::green), Line(extremes)},
      style.columns);
}

std::map<std::string, double> mean_phases(const std::vector<const spec::StepRecord*>& steps) {
  std::map<std::string, double> phases;
  for (const spec::StepRecord* step : steps)
    for (const auto& [name, seconds] : step->phases) phases[name] += seconds / static_cast<double>(steps.size());
  return phases;
}

Line step_line(const std::vector<const spec::StepRecord*>& recent, double step_s, const Style& style) {
  const std::vector<PhaseShare> shares = phase_shares(mean_phases(recent));
  Line line = label("step").add(padded(step_seconds_text(step_s) + " s", 8), Ink::bold);
  const std::int64_t room = style.columns - line.columns();
  const std::vector<Line> legend = phase_legend(shares, room - 8, style);
  std::int64_t legend_columns = 0;
  for (const Line& part : legend) legend_columns += part.columns() + 2;
  const Line drawn =
      phase_bar(shares, std::clamp<std::int64_t>(room - legend_columns, std::min<std::int64_t>(8, room), 40), style);
  std::vector<Line> parts{line.add(drawn)};
  parts.insert(parts.end(), legend.begin(), legend.end());
  return fitted(parts, style.columns, "  ");
}

std::vector<Line> running_lines(const spec::Plan& plan, const RunRecords& records, const Moment& moment,
                                const Style& style) {
  const std::vector<const spec::StepRecord*> steps = records.step_list();
  const spec::StepRecord& last = *steps.back();
  const double step_s = recent_step_s(steps);
  const std::vector<const spec::StepRecord*> recent(
      steps.end() - std::min<std::ptrdiff_t>(8, static_cast<std::ptrdiff_t>(steps.size())), steps.end());
  std::vector<Line> lines{progress_line(plan, records, step_s, moment, style), reward_line(plan, records, style)};
  if (!records.validations.empty()) lines.push_back(label("held out").add(held_out_text(records)));
  lines.insert(
      lines.end(),
      {step_line(recent, step_s, style),
       fitted({label("tokens/s").add(rate_text(last.tokens_per_s_per_gpu) + " per rank"),
               Line("generate " + rate_text(last.generate_tokens_per_s_per_gpu)),
               Line("train " + rate_text(last.train_tokens_per_s_per_gpu)),
               Line(last.mfu > 0 ? text("MFU ", base::number_text(last.mfu * 100, 1), " %") : "")},
              style.columns),
       fitted({label("gen-train").add("|dlogp| " + small_text(last.logprob_diff_mean)),
               Line("max " + small_text(last.logprob_diff_max)),
               Line(last.peak_memory_bytes > 0 ? "peak memory " + base::bytes_text(last.peak_memory_bytes) : ""),
               Line(last.mean_answer_tokens > 0 ? "answers " + base::number_text(last.mean_answer_tokens, 1) + " tokens"
                                                : "")},
              style.columns)});
  return lines;
}

bool warming_up(const spec::Plan& plan, const RunRecords& records) {
  return plan.job.warmup.sft_steps > 0 && !records.start.warm_start_done && records.warmup.updates > 0;
}

std::vector<Line> starting_lines(const spec::Plan& plan, const RunRecords& records, const Moment& moment,
                                 const Style& style) {
  constexpr std::array<const char*, 8> kTurns{"⣾", "⣽", "⣻", "⢿", "⡿", "⣟", "⣯", "⣷"};
  constexpr std::array<const char*, 4> kAsciiTurns{"|", "/", "-", "\\"};
  const auto tick = static_cast<std::size_t>(std::max(0.0, moment.elapsed_s) * 4);
  const std::string turn = style.sign(kTurns[tick % kTurns.size()], kAsciiTurns[tick % kAsciiTurns.size()]);
  std::vector<Line> lines;
  if (!moment.over) lines.push_back(Line(turn, Ink::cyan).add(" " + doing_text(plan, records)));
  if (!warming_up(plan, records)) return lines;
  const spec::WarmupJob& job = plan.job.warmup;
  const double share = static_cast<double>(records.warmup.updates) / static_cast<double>(job.sft_steps);
  lines.push_back(bar_line(
      share,
      Line(text("update ", records.warmup.updates, " of ", job.stop_at_reward > 0 ? "at most " : "", job.sft_steps)),
      style));
  if (!records.warmup.checks.empty())
    lines.push_back(fitted(
        {label("reward")
             .add(reward_text(records.warmup.checks.back()), Ink::bold)
             .add(text(" of ", reward_text(job.stop_at_reward))),
         Line(sparkline(records.warmup.checks,
                        {.columns = std::clamp<std::int64_t>(style.columns - 48, 8, 60), .top = job.stop_at_reward},
                        style),
              Ink::green),
         Line("loss " + small_text(records.warmup.loss))},
        style.columns));
  return lines;
}

}  // namespace

std::vector<Line> block_lines(const spec::Plan& plan, const RunRecords& records, const Moment& moment,
                              const Style& style) {
  std::vector<Line> lines{head_line(plan, moment, style)};
  const std::vector<Line> more = records.steps.empty() ? starting_lines(plan, records, moment, style)
                                                       : running_lines(plan, records, moment, style);
  lines.insert(lines.end(), more.begin(), more.end());
  return lines;
}

std::string plain_step_line(const spec::Plan& plan, const spec::StepRecord& step, double eta_s) {
  std::string line = text("step ", step.step, "/", plan.job.grpo.steps, " reward ", reward_text(step.reward), " step ",
                          step_seconds_text(step.step_s), " s");
  for (const PhaseShare& phase : phase_shares(step.phases)) {
    if (phase.share < 0.005 || phase.name == "other") continue;
    // The word reward stands for the figure, not for the wait.
    line += " " + (phase.name == "reward" ? "grading" : phase.name) + " " +
            base::number_text(phase.seconds, step.step_s < 0.995 ? 3 : 1);
  }
  return step.step < plan.job.grpo.steps ? line + " ETA " + clock_text(eta_s) : line;
}

std::string held_out_text(const RunRecords& records) {
  if (records.validations.empty()) return "";
  const spec::ValidationRecord& first = records.validations.begin()->second;
  const spec::ValidationRecord& last = records.validations.rbegin()->second;
  std::string line = "pass@1 " + base::number_text(last.pass_1, 3) +
                     (last.step == 0 ? " before step 1" : text(" after step ", last.step));
  if (records.validations.size() > 1) line += text(" (first ", base::number_text(first.pass_1, 3), ")");
  if (last.samples_per_prompt > 1)
    line += text(", maj@", last.samples_per_prompt, " ", base::number_text(last.maj_k, 3));
  if (last.timeouts + last.failed > 0) line += text(", ", last.timeouts + last.failed, " not graded");
  return text(line, ", ", last.prompts, last.prompts == 1 ? " prompt" : " prompts");
}

std::string doing_text(const spec::Plan& plan, const RunRecords& records) {
  const auto ranks = std::ssize(plan.ranks);
  const StartLines& start = records.start;
  const bool loaded = start.load_s.has_value() || records.warmup.updates > 0 || records.warmup.start_reward.has_value();
  if (loaded) {
    if (plan.job.warmup.sft_steps > 0 && !start.warm_start_done)
      return "supervised start" +
             (records.warmup.updates > 0 ? ": " + warmup_text(plan.job.warmup, records.warmup) : "");
    if (plan.job.selftest.start_prompts > 0 && !records.warmup.start_reward)
      return text("measuring the reward on ", plan.job.selftest.start_prompts, " prompts");
    return text("step 1 of ", plan.job.grpo.steps);
  }
  if (start.all_met) return "loading the model " + std::filesystem::path(plan.job.model.path).filename().string();
  if (start.ranks_started == 0) return text("starting ", ranks, ranks == 1 ? " rank" : " ranks");
  if (start.ranks_started < ranks) return text(start.ranks_started, " of ", ranks, " ranks have started");
  return ranks == 1 ? "the rank has started" : text("all ", ranks, " ranks have started, and look for each other");
}

std::string ranks_text(const spec::Plan& plan) {
  const auto ranks = std::ssize(plan.ranks);
  const bool split = plan.job.placement.mode == spec::PlacementMode::split;
  std::string out = split ? text(plan.train.ranks(), " + ", plan.generate.ranks(), " ranks")
                          : text(ranks, ranks == 1 ? " rank" : " ranks");
  if (plan.num_nodes > (split ? 2 : 1)) out += text(" on ", plan.num_nodes, " nodes");
  return out + (split ? ", split" : ", colocated");
}

std::string warmup_text(const spec::WarmupJob& job, const WarmupLines& warmup) {
  std::string out = text("update ", warmup.updates);
  if (!warmup.checks.empty())
    return text(out, ", reward ", reward_text(warmup.checks.back()), " of ", reward_text(job.stop_at_reward));
  return text(out, " of ", job.sft_steps, ", loss ", small_text(warmup.loss));
}

}  // namespace muster::progress
