#include "runtime/node/verb_plan.h"

#include <algorithm>

#include "runtime/base/error.h"
#include "runtime/base/text.h"
#include "runtime/spec/memory.h"
#include "runtime/spec/toml_reader.h"

namespace muster::node {
namespace {

constexpr std::int64_t kRunningSamples = 32;  // bounds the cache: 32 samples at full length

// The job of defaults and of what was typed; `places` learns which keys were.
spec::Job typed_job(const VerbRequest& request, spec::KeyPlaces& places, base::Faults& faults) {
  spec::JobSource source{.text = "", .where = "muster-runtime " + request.kind};
  for (const auto& [key, value] : request.keys) source.overrides.push_back(key + "=" + value);
  spec::Job job = spec::read_job(source, "", faults, &places);
  for (const auto& [key, value] : request.keys) places.keys[key] = "--" + key + " " + value;
  return job;
}

/// Both roles of the verb get the degrees that one was given, and dp what is left of the ranks.
class Layout {
 public:
  Layout(spec::Job& job, const spec::KeyPlaces& places, base::Faults& faults)
      : job_(job), places_(places), faults_(faults) {}

  std::int64_t settle(std::int64_t ranks) {
    follow("train.tp", job_.train.tp, "gen.tp", job_.gen.tp);
    // The role that the verb does not use stands on the same ranks, each a replica or a slice.
    const std::int64_t train = job_.train.tp * job_.train.cp * job_.train.pp, gen = job_.gen.tp * job_.gen.pp;
    if (ranks == 0) ranks = std::max(train * job_.train.dp, gen * job_.gen.dp);
    share("train", "train.dp", train, ranks, job_.train.dp);
    share("gen", "gen.dp", gen, ranks, job_.gen.dp);
    return ranks;
  }

 private:
  bool given(const std::string& key) const { return places_.keys.contains(key); }

  void follow(const std::string& a, std::int64_t& a_degree, const std::string& b, std::int64_t& b_degree) const {
    if (given(a) && !given(b)) b_degree = a_degree;
    if (given(b) && !given(a)) a_degree = b_degree;
  }

  void share(const std::string& role, const std::string& key, std::int64_t each, std::int64_t ranks, std::int64_t& dp) {
    if (ranks % each != 0 || (given(key) && dp * each != ranks)) {
      faults_.add({.what = base::text("the ", role, " degrees ask for ", each,
                                      given(key) ? base::text(" x dp ", dp) : "", " ranks, but there are ", ranks),
                   .where = "--ranks",
                   .fix = base::text("set --ranks to a multiple of ", each)});
    } else {
      dp = ranks / each;
    }
  }

  spec::Job& job_;
  const spec::KeyPlaces& places_;
  base::Faults& faults_;
};

}  // namespace

spec::Plan plan_verb(const VerbRequest& request, const spec::ModelFacts& facts) {
  base::Faults faults;
  spec::KeyPlaces places;
  spec::Plan plan;
  spec::Job& job = plan.job = typed_job(request, places, faults);
  faults.throw_if_any();
  job.name = request.kind;
  job.model.path = request.model.string();
  if (!places.keys.contains("model.dtype")) job.model.dtype = spec::DataType::fp32;
  job.gen.dtype = job.model.dtype;
  job.gen.max_running_samples = std::min(job.gen.max_running_samples, kRunningSamples);
  const std::int64_t ranks = Layout(job, places, faults).settle(request.ranks);
  faults.throw_if_any();
  job.grpo = {
      .steps = 0, .prompts_per_step = std::max(request.num_rows, ranks) / ranks * ranks, .samples_per_prompt = 2};
  // Rows are as long as they are; a layout that cuts sequences asks for a multiple of its parts.
  const std::int64_t multiple = spec::sequence_multiple(job);
  job.grpo.max_sequence_tokens =
      spec::divided_up(std::max<std::int64_t>(2, request.max_sequence_tokens), multiple) * multiple;
  job.train.share_prompt = false;
  job.data.path = "builtin:sums";  // no row of it is read
  job.checkpoint.final_model = false;
  job.verb.kind = request.kind;
  std::vector<std::string> warnings;
  spec::check_job(job, &facts, places, faults, warnings);
  faults.throw_if_any();

  plan.model = facts;
  plan.cluster = "local";
  plan.ranks_per_node = ranks;
  plan.train = spec::train_degrees(job);
  plan.generate = spec::gen_degrees(job);
  for (std::int64_t rank = 0; rank < ranks; ++rank)
    plan.ranks.push_back({.rank = rank, .local_rank = rank, .device = rank, .train_rank = rank, .gen_rank = rank});
  for (const char* name : {"OMP_NUM_THREADS", "MKL_NUM_THREADS"})
    plan.environment.push_back({name, std::to_string(job.threads), "job: threads"});
  return plan;
}

}  // namespace muster::node
