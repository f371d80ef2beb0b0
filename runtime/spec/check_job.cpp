// The sense of a job: what spans keys. Each fault has the place, the numbers and the mend.
#include <algorithm>
#include <cctype>

#include "runtime/base/text.h"
#include "runtime/spec/parameters.h"
#include "runtime/spec/toml_reader.h"

namespace muster::spec {

using base::text;

namespace {

class JobCheck {
 public:
  JobCheck(const Job& job, const ModelFacts* facts, const KeyPlaces& places, base::Faults& faults,
           std::vector<std::string>& warnings)
      : job_(job), facts_(facts), places_(places), faults_(faults), warnings_(warnings) {}

  void check() {
    check_model();
    check_data();
    check_batches();
    check_train_layout();
    check_gen_layout();
    check_placement();
    check_async();
    check_loss();
    check_lengths();
    check_rest();
    if (facts_ != nullptr) check_facts();
  }

 private:
  void fault(const std::string& key, std::string what, std::string fix) {
    faults_.add({std::move(what), places_.of(key), std::move(fix)});
  }

  /// The first of these keys that somebody gave.
  const std::string& place_of_any(const std::vector<std::string>& keys) const {
    for (const std::string& key : keys) {
      if (places_.keys.contains(key)) return places_.of(key);
    }
    return places_.file;
  }

  void check_model() {
    if (job_.model.path.empty() && job_.model.name.empty())
      fault("model", "the job names no model", "give model.path (a Hugging Face folder) or model.name");
    if (job_.model.weights == "file" && job_.model.path.empty() && !job_.model.name.empty()) {
      warnings_.push_back("model.path is not given: the job can be planned, but not run (model.weights = \"file\")");
    }
    const bool is_name = std::all_of(job_.name.begin(), job_.name.end(), [](unsigned char c) {
      return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.';
    });
    if (!is_name || job_.name.starts_with('.') || job_.name.starts_with('-') || job_.name.size() > 100) {
      fault("name", text("name = \"", job_.name, "\""),
            "it names folders: letters, digits, '-', '_' and '.', at most 100, beginning with a letter or digit");
    }
    if (job_.model.dtype == DataType::fp8)
      fault("model.dtype", "model.dtype = \"fp8\"", "weights are trained in bf16 or fp32; gen.dtype may be fp8");
  }

  void check_data() {
    constexpr std::string_view kBuiltin = "builtin:";
    const std::string& path = job_.data.path;
    if (path.empty())
      return fault("data.path", "the job names no data",
                   "give data.path: a JSONL file, \"builtin:sums\" or \"builtin:reverse-digits\"");
    if (!path.starts_with(kBuiltin)) return;
    const std::vector<std::string> known{"builtin:sums", "builtin:reverse-digits"};
    if (std::find(known.begin(), known.end(), path) != known.end()) return;
    const std::string near = base::nearest(path, known);
    fault(
        "data.path", text("there is no data \"", path, "\""),
        (near.empty() ? "" : "did you mean \"" + near + "\"? ") + std::string("built in: ") + base::join(known, ", "));
  }

  void check_batches() {
    const std::int64_t samples = samples_per_step(job_);
    const std::int64_t update = update_samples(job_);
    const std::int64_t dp = job_.train.dp;
    const std::string step =
        text(job_.grpo.prompts_per_step, " prompts x ", job_.grpo.samples_per_prompt, " samples = ", samples);
    if (job_.grpo.samples_per_prompt < 2) {
      fault("grpo.samples_per_prompt", "grpo.samples_per_prompt is 1",
            "an advantage compares samples of one prompt: take at least 2");
    }
    if (samples % update != 0)
      fault("train.gbs", text(step, ", which train.gbs = ", update, " does not divide"),
            "choose a divisor, or 0 for one update a step");
    if (update % dp != 0) {
      fault("train.dp", text("an update of ", update, " samples does not divide over train.dp = ", dp),
            text("change train.dp, or train.gbs", job_.train.gbs == 0 ? text(" (0: all, ", step, ")") : ""));
    } else if (!job_.packing.enabled && update % (dp * job_.train.mbs) != 0) {
      fault("train.mbs",
            text("without packing ", update, " samples do not divide over train.dp ", dp, " x train.mbs ",
                 job_.train.mbs, " = ", dp * job_.train.mbs),
            "change train.mbs or train.gbs");
    }
    if (job_.loss.force_on_policy && update != samples) {
      fault("loss.force_on_policy",
            text("loss.force_on_policy needs one update a step, but ", step, " and train.gbs = ", update, " make ",
                 updates_per_step(job_)),
            "set train.gbs = 0");
    }
    if (!job_.packing.enabled && job_.packing.max_tokens != 0)
      fault("packing.max_tokens", "packing.max_tokens has no effect while packing is off",
            "take it out, or set packing.enabled = true");
    if (job_.packing.enabled && job_.packing.max_tokens != 0 &&
        job_.packing.max_tokens < job_.grpo.max_sequence_tokens) {
      fault("packing.max_tokens",
            text("packing.max_tokens = ", job_.packing.max_tokens,
                 " is below grpo.max_sequence_tokens = ", job_.grpo.max_sequence_tokens),
            "the longest sequence must fit one micro batch");
    }
    if (job_.gen.dp > job_.grpo.prompts_per_step) {
      warnings_.push_back(text("gen.dp = ", job_.gen.dp, " exceeds ", job_.grpo.prompts_per_step,
                               " prompts a step: some replicas have nothing to do"));
    }
  }

  void check_train_layout() {
    const TrainJob& train = job_.train;
    const std::int64_t stage = train.tp * train.cp * train.dp;
    if (stage % train.ep != 0)
      fault("train.ep",
            text("train.ep = ", train.ep, " does not divide tp ", train.tp, " x cp ", train.cp, " x dp ", train.dp,
                 " = ", stage),
            "experts are spread over these ranks");
    if (train.vpp > 1 && train.pp == 1)
      fault("train.vpp", text("train.vpp = ", train.vpp, " has no effect with train.pp = 1"), "set train.vpp = 1");
    const bool has_uneven = train.first_stage_layers != 0 || train.last_stage_layers != 0;
    if (has_uneven && train.pp == 1)
      fault("train.first_stage_layers", "first_stage_layers and last_stage_layers have no effect with train.pp = 1",
            "take them out");
    if (has_uneven && train.vpp > 1)
      fault("train.first_stage_layers", text("uneven stages and train.vpp = ", train.vpp, " do not go together"),
            "take one of them out");
    if (train.backend == Backend::megatron && train.fsdp == 1)
      fault("train.fsdp", "train.fsdp = 1 with train.backend = \"megatron\"",
            "megatron shards the optimizer only; set backend = \"dtensor\", or fsdp = 0");
    if (train.backend == Backend::dtensor && (train.pp > 1 || train.ep > 1)) {
      fault(train.pp > 1 ? "train.pp" : "train.ep",
            text("train.backend = \"dtensor\" with pp ", train.pp, " and ep ", train.ep),
            "dtensor has fsdp, tp and cp; set backend = \"megatron\" for pp and ep");
    }
  }

  void check_gen_layout() {
    const GenJob& gen = job_.gen;
    if (gen.tp * gen.dp % gen.ep != 0)
      fault("gen.ep",
            text("gen.ep = ", gen.ep, " does not divide tp ", gen.tp, " x dp ", gen.dp, " = ", gen.tp * gen.dp),
            "experts are spread over these ranks");
    if (gen.dtype == DataType::fp8 && job_.loss.correction == Correction::none) {
      warnings_.push_back(
          "gen.dtype = \"fp8\" without loss.correction: generator and trainer differ by more than rounding");
    }
    if (gen.max_running_samples > gen.max_batch_tokens) {
      fault("gen.max_batch_tokens",
            text("gen.max_batch_tokens = ", gen.max_batch_tokens,
                 " is below gen.max_running_samples = ", gen.max_running_samples),
            "each running sample decodes one token in a pass");
    }
  }

  void check_placement() {
    const std::int64_t train = train_ranks(job_);
    const std::int64_t gen = gen_ranks(job_);
    const TrainJob& t = job_.train;
    const GenJob& g = job_.gen;
    if (job_.placement.mode == PlacementMode::split) return;
    if (train != gen) {
      faults_.add(
          {.what = text("colocated: train tp ", t.tp, " x cp ", t.cp, " x pp ", t.pp, " x dp ", t.dp, " = ", train,
                        " ranks, but gen tp ", g.tp, " x pp ", g.pp, " x dp ", g.dp, " = ", gen),
           .where = place_of_any({"gen.dp", "train.dp", "gen.tp", "train.tp", "gen.pp", "train.pp", "train.cp"}),
           .fix = suggestion(train, gen)});
    }
    if (job_.placement.gen_nodes != 0)
      fault("placement.gen_nodes", "placement.gen_nodes has no effect with mode = \"colocated\"",
            "take it out, or set mode = \"split\"");
  }

  /// A degree that would make both roles equal, where there is one.
  std::string suggestion(std::int64_t train, std::int64_t gen) const {
    std::vector<std::string> mends;
    const std::int64_t gen_rest = job_.gen.tp * job_.gen.pp;
    const std::int64_t train_rest = train / job_.train.dp;
    if (train % gen_rest == 0) mends.push_back(text("gen.dp = ", train / gen_rest));
    if (gen % train_rest == 0 && update_samples(job_) % (gen / train_rest) == 0)
      mends.push_back(text("train.dp = ", gen / train_rest));
    mends.push_back("placement.mode = \"split\"");
    return "set " + base::join(mends, ", or ");
  }

  void check_async() {
    if (!job_.async.enabled) {
      if (job_.async.in_flight_updates)
        fault("async.in_flight_updates", "async.in_flight_updates has no effect while async is off",
              "take it out, or set async.enabled = true");
      return;
    }
    if (job_.placement.mode != PlacementMode::split)
      fault("async.enabled", "async needs ranks of its own for the generator", "set placement.mode = \"split\"");
    if (job_.loss.correction == Correction::none)
      fault("async.enabled", "async trains on samples of older weights, but loss.correction is \"none\"",
            "set loss.correction = \"truncate\"");
    if (job_.async.max_staleness > 1 && !job_.async.in_flight_updates) {
      fault("async.max_staleness",
            text("async.max_staleness = ", job_.async.max_staleness, " without in_flight_updates"),
            "set async.in_flight_updates = true, or max_staleness = 1");
    }
  }

  void check_loss() {
    const LossJob& loss = job_.loss;
    if (loss.dual_clip != 0 && loss.dual_clip <= 1)
      fault("loss.dual_clip", text("loss.dual_clip = ", loss.dual_clip), "must be above 1, or 0 for off");
    if (loss.correction_min > loss.correction_max) {
      fault(
          "loss.correction_min",
          text("loss.correction_min = ", loss.correction_min, " is above loss.correction_max = ", loss.correction_max),
          "swap them");
    }
    if (loss.correction != Correction::none && loss.correction_max <= 0)
      fault("loss.correction_max", "loss.correction_max is 0", "no token would count; 2 is usual");
    const SamplingJob& sampling = job_.sampling;
    if (sampling.temperature <= 0)
      fault("sampling.temperature", text("sampling.temperature = ", sampling.temperature),
            "all samples of a group would be equal and teach nothing; 1 is usual");
    if (sampling.top_p <= 0)
      fault("sampling.top_p", text("sampling.top_p = ", sampling.top_p), "must be above 0; 1 is off");
    const OptimizerJob& optimizer = job_.optimizer;
    if (optimizer.min_lr > optimizer.lr)
      fault("optimizer.min_lr",
            text("optimizer.min_lr = ", optimizer.min_lr, " is above optimizer.lr = ", optimizer.lr), "lower it");
    if (optimizer.min_lr > 0 && optimizer.schedule == Schedule::constant) {
      warnings_.push_back("optimizer.min_lr has no effect with optimizer.schedule = \"constant\"");
    }
  }

  void check_lengths() {
    const std::int64_t most = job_.grpo.max_sequence_tokens;
    if (job_.sampling.max_new_tokens >= most) {
      fault("sampling.max_new_tokens",
            text("sampling.max_new_tokens = ", job_.sampling.max_new_tokens,
                 " leaves no room for a prompt in grpo.max_sequence_tokens = ", most),
            "lower it, or 0 for what the prompt leaves");
    }
    if (job_.data.max_prompt_tokens >= most) {
      fault("data.max_prompt_tokens",
            text("data.max_prompt_tokens = ", job_.data.max_prompt_tokens,
                 " leaves no room for an answer in grpo.max_sequence_tokens = ", most),
            "lower it, or 0");
    }
  }

  void check_rest() {
    // `--set warmup.sft_steps=0` is how a supervised start is left out, whatever else the job says of it.
    if (job_.warmup.stop_at_reward > 0 && job_.warmup.sft_steps == 0)
      warnings_.push_back("warmup.stop_at_reward has no effect with warmup.sft_steps = 0");
    if (job_.validate.every > 0 && job_.data.held_out == 0)
      fault("validate.every", "validate.every is set, but data.held_out = 0",
            "hold rows out: data.held_out = " + std::to_string(job_.validate.prompts));
    if (job_.validate.every > 0 && job_.data.held_out > 0 && job_.validate.prompts > job_.data.held_out) {
      fault("validate.prompts",
            text("validate.prompts = ", job_.validate.prompts, ", but data.held_out = ", job_.data.held_out),
            "lower it, or hold more rows out");
    }
    if (job_.requeue.max > 0 && job_.checkpoint.every == 0)
      fault("requeue.max", text("requeue.max = ", job_.requeue.max, " without checkpoints"),
            "set checkpoint.every, or requeue.max = 0");
    if (job_.optimizer.warmup_steps > job_.grpo.steps)
      warnings_.push_back(
          text("optimizer.warmup_steps = ", job_.optimizer.warmup_steps, " exceeds grpo.steps = ", job_.grpo.steps));
  }

  void check_facts() {
    check_tp("train", job_.train.tp);
    check_tp("gen", job_.gen.tp);
    check_stages("train", job_.train.pp * job_.train.vpp);
    check_stages("gen", job_.gen.pp);
    if (job_.train.ep > 1)
      fault("train.ep", text("train.ep = ", job_.train.ep, ", but the model has no experts"), "set train.ep = 1");
    if (job_.gen.ep > 1)
      fault("gen.ep", text("gen.ep = ", job_.gen.ep, ", but the model has no experts"), "set gen.ep = 1");
    if (job_.grpo.max_sequence_tokens > facts_->max_position_embeddings) {
      fault("grpo.max_sequence_tokens",
            text("grpo.max_sequence_tokens = ", job_.grpo.max_sequence_tokens, ", but the model has ",
                 facts_->max_position_embeddings, " positions"),
            "lower it");
    }
  }

  void check_tp(const std::string& role, std::int64_t tp) {
    const std::string key = role + ".tp";
    std::vector<std::string> reasons;
    const auto needs_divisor = [&](const char* thing, std::int64_t count) {
      if (count % tp != 0) reasons.push_back(text(count, " ", thing));
    };
    needs_divisor("query heads", facts_->num_heads);
    needs_divisor("feed-forward width", facts_->intermediate_size);
    needs_divisor("vocabulary", facts_->vocab_size);
    if (!reasons.empty())
      fault(key, text(key, " = ", tp, " does not divide ", base::join(reasons, ", ")), "tp can be " + legal_tp());
    if (reasons.empty() && facts_->num_kv_heads % tp != 0 && tp % facts_->num_kv_heads != 0) {
      fault(key,
            text(key, " = ", tp, " neither divides nor is a multiple of ", facts_->num_kv_heads, " key/value heads"),
            "tp can be " + legal_tp());
    }
  }

  std::string legal_tp() const {
    std::vector<std::string> legal;
    for (std::int64_t tp = 1; tp <= std::min<std::int64_t>(facts_->num_heads, 4096); ++tp) {
      const bool divides =
          facts_->num_heads % tp == 0 && facts_->intermediate_size % tp == 0 && facts_->vocab_size % tp == 0;
      if (divides && (facts_->num_kv_heads % tp == 0 || tp % facts_->num_kv_heads == 0))
        legal.push_back(std::to_string(tp));
    }
    return base::join(legal, ", ");
  }

  void check_stages(const std::string& role, std::int64_t stages) {
    if (stages == 1) return;
    const TrainJob& train = job_.train;
    const bool is_train = role == "train";
    const std::int64_t first = is_train ? train.first_stage_layers : 0;
    const std::int64_t last = is_train ? train.last_stage_layers : 0;
    const std::int64_t middle = stages - (first > 0 ? 1 : 0) - (last > 0 ? 1 : 0);
    const std::int64_t layers = facts_->num_layers - first - last;
    if (layers < 0 || (middle == 0 ? layers != 0 : layers % middle != 0 || layers == 0)) {
      fault(role + ".pp",
            text(facts_->num_layers, " layers",
                 first + last > 0 ? text(" less ", first, " and ", last, " in the first and last stage") : "",
                 " do not divide over ", middle, " stages of ", role),
            is_train ? "change pp, vpp, or set first_stage_layers and last_stage_layers" : "change pp");
    }
  }

  const Job& job_;
  const ModelFacts* facts_;
  const KeyPlaces& places_;
  base::Faults& faults_;
  std::vector<std::string>& warnings_;
};

}  // namespace

void check_job(const Job& job, const ModelFacts* facts, const KeyPlaces& places, base::Faults& faults,
               std::vector<std::string>& warnings) {
  JobCheck(job, facts, places, faults, warnings).check();
}

void check_job(const Job& job, const ModelFacts* facts, const std::string& where, base::Faults& faults,
               std::vector<std::string>& warnings) {
  check_job(job, facts, KeyPlaces{.file = where, .keys = {}}, faults, warnings);
}

}  // namespace muster::spec
