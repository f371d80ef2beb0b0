#include "runtime/spec/check_layout.h"

#include <algorithm>

#include "runtime/base/text.h"
#include "runtime/spec/memory.h"

namespace muster::spec {

using base::text;

namespace {

constexpr double kMuchBubble = 0.25;

class LayoutCheck {
 public:
  LayoutCheck(const Job& job, const ModelFacts* facts, const KeyPlaces& places, base::Faults& faults,
              std::vector<std::string>& warnings)
      : job_(job), facts_(facts), places_(places), faults_(faults), warnings_(warnings) {}

  void check() {
    check_batches();
    check_micro_batches();
    check_train_layout();
    check_gen_layout();
    check_placement();
    if (facts_ != nullptr) check_facts();
  }

 private:
  void fault(const std::string& key, std::string what, std::string fix) {
    faults_.add({std::move(what), places_.of(key), std::move(fix)});
  }

  /// The first of these keys that was typed after --set, else that somebody gave.
  const std::string& place_of_any(const std::vector<std::string>& keys) const {
    for (const std::string& key : keys) {
      if (places_.of(key).starts_with("--set ")) return places_.of(key);
    }
    for (const std::string& key : keys) {
      if (places_.keys.contains(key)) return places_.of(key);
    }
    return places_.file;
  }

  std::string step_text() const {
    return text(job_.grpo.prompts_per_step, " prompts x ", job_.grpo.samples_per_prompt,
                " samples = ", samples_per_step(job_));
  }

  void check_batches() {
    const std::int64_t samples = samples_per_step(job_);
    const std::int64_t update = update_samples(job_);
    const std::int64_t dp = job_.train.dp;
    if (job_.grpo.samples_per_prompt < 2 && job_.grpo.baseline != Baseline::none) {
      fault("grpo.samples_per_prompt", "grpo.samples_per_prompt is 1",
            "an advantage compares samples of one prompt: take at least 2, or grpo.baseline = \"none\"");
    }
    if (samples % update != 0)
      fault("train.gbs", text(step_text(), ", which train.gbs = ", update, " does not divide"),
            text("set train.gbs = ", nearest_legal(update, samples, [&](auto gbs) { return samples % gbs == 0; }),
                 ", or 0 for one update a step"));
    if (update % dp != 0) {
      fault("train.dp", text("an update of ", update, " samples does not divide over train.dp = ", dp),
            text("set train.dp = ", nearest_legal(dp, update, [&](auto legal) { return update % legal == 0; }),
                 ", or change train.gbs", job_.train.gbs == 0 ? text(" (0: all, ", step_text(), ")") : ""));
    } else if (!job_.packing.enabled && update % (dp * job_.train.mbs) != 0) {
      fault("train.mbs",
            text("without packing ", update, " samples do not divide over train.dp ", dp, " x train.mbs ",
                 job_.train.mbs, " = ", dp * job_.train.mbs),
            text("set train.mbs = ",
                 nearest_legal(job_.train.mbs, update / dp, [&](auto mbs) { return update / dp % mbs == 0; }),
                 ", or change train.gbs"));
    }
    if (job_.loss.force_on_policy && update != samples) {
      fault("loss.force_on_policy",
            text("loss.force_on_policy needs one update a step, but ", step_text(), " and train.gbs = ", update,
                 " make ", updates_per_step(job_)),
            "set train.gbs = 0");
    }
    if (job_.placement.spares > 0 && !job_.placement.preflight)
      warnings_.push_back("placement.spares has no effect without placement.preflight = true");
    if (job_.gen.dp > job_.grpo.prompts_per_step) {
      warnings_.push_back(text("gen.dp = ", job_.gen.dp, " exceeds ", job_.grpo.prompts_per_step,
                               " prompts a step: some replicas have nothing to do"));
    }
  }

  void check_micro_batches() {
    const PackingJob& packing = job_.packing;
    const TrainJob& train = job_.train;
    if (!packing.enabled && packing.max_tokens != 0)
      fault("packing.max_tokens", "packing.max_tokens has no effect while packing is off",
            "take it out, or set packing.enabled = true");
    if (packing.enabled && packing.max_tokens != 0 && packing.max_tokens < job_.grpo.max_sequence_tokens) {
      fault("packing.max_tokens",
            text("packing.max_tokens = ", packing.max_tokens,
                 " is below grpo.max_sequence_tokens = ", job_.grpo.max_sequence_tokens),
            "the longest sequence must fit one micro batch");
    }
    const std::int64_t multiple = sequence_multiple(job_);
    const std::int64_t tokens = job_.grpo.max_sequence_tokens;
    if (tokens % multiple != 0) {
      fault("grpo.max_sequence_tokens",
            text("grpo.max_sequence_tokens = ", tokens, " is no multiple of ", multiple,
                 ", but sequences are cut into ", train.cp > 1 ? text("2 x train.cp ", train.cp) : "",
                 train.cp > 1 && train.sequence_parallel ? " x " : "",
                 train.sequence_parallel ? text("train.tp ", train.tp) : ""),
            text("set it to ", tokens / multiple * multiple, " or ", divided_up(tokens, multiple) * multiple));
    }
    const std::int64_t rows = train.dp * train.mbs;
    if (packing.enabled && update_samples(job_) < rows) {
      const std::int64_t batches = divided_up(update_samples(job_), train.mbs);
      warnings_.push_back(text("an update of ", update_samples(job_), " samples fills at most ", batches,
                               " micro batches of train.mbs = ", train.mbs, " rows: ", train.dp - batches,
                               " of train.dp = ", train.dp, " replicas may have nothing to do"));
    }
    // Kernels sum in an order that may depend on the shape of the micro batch; the published recipes of Qwen3-32B ran
    // so, so it is no fault: what suffers is only that ratio and correction of the first update are not exactly 1.
    if (train.tp >= 4 && train.logprob_mbs > 0 && train.logprob_mbs != train.mbs && !job_.loss.force_on_policy) {
      warnings_.push_back(text("train.logprob_mbs = ", train.logprob_mbs, " beside train.mbs = ", train.mbs,
                               " with train.tp = ", train.tp,
                               ": old log-probabilities come from other shapes than those that are trained on, so "
                               "that the first ratio is 1 only within rounding"));
    }
  }

  void check_train_layout() {
    const TrainJob& train = job_.train;
    const std::int64_t stage = train.tp * train.cp * train.dp;
    if (stage % (train.ep * train.etp) != 0)
      fault(train.ep > 1 ? "train.ep" : "train.etp",
            text("train.ep ", train.ep, train.etp > 1 ? text(" x train.etp ", train.etp) : "", " does not divide tp ",
                 train.tp, " x cp ", train.cp, " x dp ", train.dp, " = ", stage),
            text("experts are spread over these ranks: set train.ep = ",
                 nearest_legal(train.ep, stage, [&](auto ep) { return stage % (ep * train.etp) == 0; })));
    check_pipeline();
    if (train.sequence_parallel && train.tp == 1)
      warnings_.push_back("train.sequence_parallel has no effect with train.tp = 1");
    if (train.backend == Backend::megatron && train.fsdp == 1)
      fault("train.fsdp", "train.fsdp = 1 with train.backend = \"megatron\"",
            "megatron shards the optimizer only; set backend = \"dtensor\", or fsdp = 0");
    if (train.backend == Backend::dtensor && (train.pp > 1 || train.ep > 1)) {
      fault(train.pp > 1 ? "train.pp" : "train.ep",
            text("train.backend = \"dtensor\" with pp ", train.pp, " and ep ", train.ep),
            "dtensor has fsdp, tp and cp; set backend = \"megatron\" for pp and ep");
    }
  }

  void check_pipeline() {
    const TrainJob& train = job_.train;
    if (train.vpp > 1 && train.pp == 1)
      fault("train.vpp", text("train.vpp = ", train.vpp, " has no effect with train.pp = 1"), "set train.vpp = 1");
    const bool has_uneven = train.first_stage_layers != 0 || train.last_stage_layers != 0;
    if (has_uneven && train.pp == 1)
      fault("train.first_stage_layers", "first_stage_layers and last_stage_layers have no effect with train.pp = 1",
            "take them out");
    if (has_uneven && train.vpp > 1)
      fault("train.first_stage_layers", text("uneven stages and train.vpp = ", train.vpp, " do not go together"),
            "take one of them out");
    if (train.pp == 1) return;
    const std::int64_t batches = std::max<std::int64_t>(1, update_samples(job_) / (train.dp * train.mbs));
    const double share = bubble_share(train.pp, train.vpp, batches);
    if (share > kMuchBubble) {
      warnings_.push_back(text("train.pp = ", train.pp, " with at most ", batches,
                               " micro batches of a rank in an update: ", base::number_text(100 * share, 0),
                               " % of a pipeline's time is bubble; lower train.pp or train.dp, or raise train.gbs"));
    }
  }

  void check_gen_layout() {
    const GenJob& gen = job_.gen;
    const std::int64_t ranks = gen.tp * gen.dp;
    if (ranks % gen.ep != 0)
      fault("gen.ep", text("gen.ep = ", gen.ep, " does not divide tp ", gen.tp, " x dp ", gen.dp, " = ", ranks),
            text("experts are spread over these ranks: set gen.ep = ",
                 nearest_legal(gen.ep, ranks, [&](auto ep) { return ranks % ep == 0; })));
    else if (gen.ep > 1 && gen.ep % gen.tp != 0)
      fault("gen.ep", text("gen.ep = ", gen.ep, " is no multiple of gen.tp = ", gen.tp),
            text("an engine's ranks hold whole experts, or (ep 1) each a part of all: set gen.ep = ",
                 nearest_legal(gen.ep, ranks, [&](auto ep) { return ranks % ep == 0 && ep % gen.tp == 0; })));
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
    std::vector<std::string> fixes;
    const std::int64_t gen_rest = job_.gen.tp * job_.gen.pp;
    const std::int64_t train_rest = train / job_.train.dp;
    if (train % gen_rest == 0) fixes.push_back(text("gen.dp = ", train / gen_rest));
    if (gen % train_rest == 0 && update_samples(job_) % (gen / train_rest) == 0)
      fixes.push_back(text("train.dp = ", gen / train_rest));
    fixes.push_back("placement.mode = \"split\"");
    return "set " + base::join(fixes, ", or ");
  }

  void check_facts() {
    check_tp("train", job_.train.tp);
    check_tp("gen", job_.gen.tp);
    check_stages("train", job_.train.pp * job_.train.vpp);
    check_stages("gen", job_.gen.pp);
    check_experts("train", job_.train.ep, job_.train.etp);
    check_experts("gen", job_.gen.ep, gen_degrees(job_).etp);
    check_cache();
    if (facts_->num_experts == 0 && (job_.moe.router_dtype != MoeJob().router_dtype || job_.moe.bias_update_rate > 0))
      warnings_.push_back("[moe] has no effect: the model has no experts");
    if (job_.grpo.max_sequence_tokens > facts_->max_position_embeddings) {
      fault("grpo.max_sequence_tokens",
            text("grpo.max_sequence_tokens = ", job_.grpo.max_sequence_tokens, ", but the model has ",
                 facts_->max_position_embeddings, " positions"),
            "lower it");
    }
  }

  /// The longest sequence must find its pages, or the generator could not go on.
  void check_cache() {
    if (job_.gen.kv_gb <= 0 || job_.gen.page_tokens <= 0) return;
    const std::int64_t page = kv_page_bytes(*facts_, job_);
    if (page <= 0) return;
    const std::int64_t pages = planned_kv_pages(*facts_, job_);
    const std::int64_t one = (job_.grpo.max_sequence_tokens + job_.gen.page_tokens - 1) / job_.gen.page_tokens;
    if (pages < one)
      fault("gen.kv_gb",
            text("gen.kv_gb = ", job_.gen.kv_gb, " is a cache of ", pages, " pages, but one sequence of ",
                 job_.grpo.max_sequence_tokens, " tokens needs ", one, " of ", job_.gen.page_tokens, " tokens each"),
            text("set gen.kv_gb to ", static_cast<double>(one) * static_cast<double>(page) * 1.01 / 1e9,
                 " at least, or 0 for what the plan leaves"));
  }

  void check_experts(const std::string& role, std::int64_t ep, std::int64_t etp) {
    const std::int64_t experts = facts_->num_experts, width = facts_->expert_intermediate_size;
    const std::string key = role + ".ep";
    if (experts == 0 && ep > 1)
      fault(key, text(key, " = ", ep, ", but the model has no experts"), "set " + key + " = 1");
    if (experts > 0 && experts % ep != 0)
      fault(key, text(key, " = ", ep, " does not divide ", experts, " experts"),
            text("set ", key, " = ", nearest_legal(ep, experts, [&](auto legal) { return experts % legal == 0; })));
    if (experts > 0 && width % etp != 0) {
      const std::string cut = role == "train" ? "train.etp" : "gen.tp";
      fault(cut, text(cut, " = ", etp, " does not divide the width ", width, " of an expert"),
            text("set ", cut, " = ", nearest_legal(etp, width, [&](auto legal) { return width % legal == 0; }),
                 role == "gen" ? ", or deal out whole experts with gen.ep" : ""));
    }
  }

  /// What tp must divide.
  std::vector<std::pair<const char*, std::int64_t>> cut_by_tp() const {
    return {{"query heads", facts_->num_heads},
            {"feed-forward width", facts_->intermediate_size},
            {"width of the shared experts", facts_->shared_intermediate_size},
            {"Mamba groups", facts_->mamba_num_groups},
            {"vocabulary", facts_->vocab_size}};
  }

  void check_tp(const std::string& role, std::int64_t tp) {
    const std::string key = role + ".tp";
    std::vector<std::string> reasons;
    for (const auto& [thing, count] : cut_by_tp()) {
      if (count % tp != 0) reasons.push_back(text(count, " ", thing));
    }
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
      const auto things = cut_by_tp();
      const bool divides =
          std::all_of(things.begin(), things.end(), [tp](const auto& thing) { return thing.second % tp == 0; });
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
            is_train ? stages_mend(stages) : text("set gen.pp = ", even_stages(stages)));
    }
  }

  std::string even_stages(std::int64_t stages) const {
    return nearest_legal(stages, facts_->num_layers, [&](auto even) { return facts_->num_layers % even == 0; });
  }

  /// Even stages near by; or first and last ones that are a little smaller, as they also hold embedding and head.
  std::string stages_mend(std::int64_t stages) const {
    std::string fix = text("set train.pp", job_.train.vpp > 1 ? " x train.vpp" : "", " = ", even_stages(stages));
    const std::int64_t middle = divided_up(facts_->num_layers, stages);
    const std::int64_t ends = facts_->num_layers - middle * (stages - 2);
    if (job_.train.vpp == 1 && stages > 2 && ends >= 2)
      fix += text(", or first_stage_layers = ", divided_up(ends, 2), " and last_stage_layers = ", ends / 2, " with ",
                  middle, " in each of the others");
    return fix;
  }

  const Job& job_;
  const ModelFacts* facts_;
  const KeyPlaces& places_;
  base::Faults& faults_;
  std::vector<std::string>& warnings_;
};

}  // namespace

void check_layout(const Job& job, const ModelFacts* facts, const KeyPlaces& places, base::Faults& faults,
                  std::vector<std::string>& warnings) {
  LayoutCheck(job, facts, places, faults, warnings).check();
}

std::string nearest_legal(std::int64_t value, std::int64_t most, const std::function<bool(std::int64_t)>& is_legal) {
  constexpr std::int64_t kFar = 1 << 20;  // a hostile file may name any number
  std::vector<std::string> found;
  for (std::int64_t below = std::min(value - 1, most); below >= 1 && below > value - kFar; --below) {
    if (!is_legal(below)) continue;
    found.push_back(std::to_string(below));
    break;
  }
  for (std::int64_t above = value + 1; above <= most && above < value + kFar; ++above) {
    if (!is_legal(above)) continue;
    found.push_back(std::to_string(above));
    break;
  }
  return base::join(found, " or ");
}

double bubble_share(std::int64_t pp, std::int64_t vpp, std::int64_t micro_batches) {
  const auto waits = static_cast<double>(pp - 1);
  return waits / (static_cast<double>(micro_batches * vpp) + waits);
}

}  // namespace muster::spec
