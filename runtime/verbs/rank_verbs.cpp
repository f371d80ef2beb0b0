#include "runtime/verbs/rank_verbs.h"

#include <ATen/ATen.h>

#include <cstring>
#include <nlohmann/json.hpp>

#include "runtime/base/error.h"
#include "runtime/base/json_lines.h"
#include "runtime/base/json_text.h"
#include "runtime/base/text.h"
#include "runtime/comm/gather_bytes.h"
#include "runtime/data/tokenizer.h"
#include "runtime/loop/from_folder.h"
#include "runtime/loop/policy.h"
#include "runtime/loop/rollout.h"
#include "runtime/model/save_folder.h"
#include "runtime/train/supervised.h"
#include "runtime/weights/safetensors.h"

namespace muster::verbs {
namespace {

using nlohmann::ordered_json;

struct Row {
  ordered_json id;
  std::vector<std::int32_t> tokens;
};

std::vector<Row> read_rows(const std::string& input) {
  std::vector<Row> rows;
  for (const ordered_json& line : base::read_json_lines(input))
    rows.push_back({line.at("id"), line.at("tokens").get<std::vector<std::int32_t>>()});
  return rows;
}

/// The weights of one role, each rank its own slices. `padded_to`: as ShardStore.
weights::ShardStore loaded(const loop::RankContext& context, parallel::Mesh& mesh, std::int64_t padded_to) {
  weights::ShardStore store(weights::shards_of(context.plan.model, mesh.degrees(), mesh.coordinates()),
                            weights::scalar_type_of(context.job().model.dtype), context.device, padded_to);
  loop::load_model(context, mesh, store);
  return store;
}

void write_lines(const std::filesystem::path& output, const std::vector<ordered_json>& lines) {
  std::string text;
  for (const ordered_json& line : lines) text += base::json_text(line) + "\n";
  base::write_file(output, text);
}

/// The rows of this dp rank as sequences: all but the first token are predicted. Rows of one token take no part.
std::vector<train::Sequence> own_sequences(const std::vector<Row>& rows, const parallel::Mesh& mesh) {
  std::vector<train::Sequence> sequences;
  const auto count = std::ssize(rows);
  for (std::int64_t r = mesh.coordinates().dp; r < count; r += mesh.degrees().dp) {
    const std::span<const std::int32_t> tokens = rows[r].tokens;
    if (tokens.size() > 1)
      sequences.push_back({.id = r, .group = r, .prompt = tokens.first(1), .answer = tokens.subspan(1)});
  }
  return sequences;
}

// Training ranks hold the rows' scores; one of each replica sends its own: the row's number, its length, the floats.
std::vector<std::uint8_t> packed_scores(const std::vector<train::Sequence>& sequences,
                                        const train::SequenceLogprobs& scores) {
  std::vector<std::uint8_t> bytes;
  const auto append = [&](const void* data, std::size_t size) {
    const auto* begin = static_cast<const std::uint8_t*>(data);
    bytes.insert(bytes.end(), begin, begin + size);
  };
  for (std::size_t s = 0; s < sequences.size(); ++s) {
    const std::int64_t head[2] = {sequences[s].id, std::ssize(scores.logprobs[s])};
    append(head, sizeof head);
    append(scores.logprobs[s].data(), scores.logprobs[s].size() * sizeof(float));
  }
  return bytes;
}

void score(loop::RankContext& context, const std::vector<Row>& rows) {
  parallel::Mesh& mesh = *context.train;
  weights::ShardStore weights = loaded(context, mesh, spec::replica_multiple(context.plan.model, mesh.degrees()));
  train::Trainer trainer(context.plan.model, context.job(), mesh, weights);
  const std::vector<train::Sequence> mine = own_sequences(rows, mesh);
  const train::SequenceLogprobs scores = trainer.logprobs(mine, [&] { context.clock->progress(); });
  const bool speaks = mesh.coordinates().tp == 0 && mesh.coordinates().cp == 0;
  std::vector<std::vector<float>> logprobs(rows.size());
  for (const auto& part : comm::all_gather_bytes(
           context.host(), speaks ? packed_scores(mine, scores) : std::vector<std::uint8_t>{}, "scores")) {
    for (const std::uint8_t* at = part.data(); at < part.data() + part.size();) {
      std::int64_t head[2];
      std::memcpy(head, at, sizeof head);
      at += sizeof head;
      auto& row = logprobs.at(head[0]);
      row.resize(static_cast<std::size_t>(head[1]));
      std::memcpy(row.data(), at, row.size() * sizeof(float));
      at += row.size() * sizeof(float);
    }
  }
  if (!context.is_writer()) return;
  std::vector<ordered_json> lines;
  for (std::size_t r = 0; r < rows.size(); ++r) lines.push_back({{"id", rows[r].id}, {"logprobs", logprobs[r]}});
  write_lines(context.job().verb.output, lines);
}

void generate(loop::RankContext& context, const std::vector<Row>& rows) {
  const spec::Job& job = context.job();
  parallel::Mesh& mesh = *context.generate;
  const weights::ShardStore weights = loaded(context, mesh, 1);
  const model::Decoder decoder(context.plan.model, weights, nullptr, mesh.tp(), job.grpo.max_sequence_tokens,
                               parallel::Tokens::all, parallel::expert_layout(mesh, job.moe));
  const data::Tokenizer tokenizer = data::Tokenizer::read(job.model.path);
  generate::Generator generator(decoder, mesh.tp(), mesh.pp(),
                                {.sampling = job.sampling,
                                 .seed = job.seed,
                                 .max_sequence_tokens = job.grpo.max_sequence_tokens,
                                 .page_tokens = job.gen.page_tokens,
                                 .num_pages = spec::planned_kv_pages(context.plan.model, job),
                                 .max_batch_tokens = job.gen.max_batch_tokens,
                                 .max_running_samples = job.gen.max_running_samples,
                                 .stop_tokens = loop::stop_tokens_of(context, tokenizer)},
                                weights::scalar_type_of(job.gen.dtype), context.device);
  const auto num_rows = std::ssize(rows);
  const spec::Range mine = spec::part_of(num_rows, mesh.degrees().dp, mesh.coordinates().dp);
  std::vector<generate::Request> requests;
  for (std::int64_t r = mine.begin; r < mine.end; ++r) requests.push_back({.group = r, .prompt = rows[r].tokens});
  std::vector<loop::GradedSample> own;
  for (generate::Sample& sample : generator.generate(requests, 0, 0, nullptr, [&] { context.clock->progress(); }))
    if (mesh.coordinates().tp == 0 && mesh.coordinates().pp == 0) own.push_back({.sample = std::move(sample)});
  const std::vector<loop::GradedSample> all = loop::exchange_samples(context.host(), own, num_rows, 1);
  if (!context.is_writer()) return;
  std::vector<ordered_json> lines;
  for (std::size_t r = 0; r < rows.size(); ++r) {
    const generate::Sample& sample = all[r].sample;
    lines.push_back({{"id", rows[r].id},
                     {"tokens", sample.tokens},
                     {"logprobs", sample.logprobs},
                     {"text", tokenizer.decode(sample.tokens, true)},
                     {"finish", sample.finish == generate::Finish::stop ? "stop" : "length"}});
  }
  write_lines(job.verb.output, lines);
}

void gradients(loop::RankContext& context, const std::vector<Row>& rows) {
  parallel::Mesh& mesh = *context.train;
  weights::ShardStore weights = loaded(context, mesh, spec::replica_multiple(context.plan.model, mesh.degrees()));
  train::Trainer trainer(context.plan.model, context.job(), mesh, weights);
  double predicted = 0;
  for (const Row& row : rows) predicted += static_cast<double>(row.tokens.size() - 1);
  if (predicted == 0)
    throw Error::user(
        {.what = "no row has a token to predict", .where = "--input", .fix = "rows of two tokens at least"});
  const std::vector<train::Sequence> mine = own_sequences(rows, mesh);
  // An update at learning rate 0: the weights stay, and what it summed are the gradients.
  trainer.update(mine, train::supervised_loss(predicted), 0, [&] { context.clock->progress(); });
  const weights::ShardStore& found = trainer.gradients();
  const auto whole = model::whole_parameters(mesh.role(), mesh.degrees(), found, context.plan.model, at::kFloat);
  if (context.is_writer()) weights::write_safetensors(context.job().verb.output, whole, {{"format", "pt"}});
}

}  // namespace

void run_verb(loop::RankContext& context) {
  context.clock->enter(spec::Phase::load);
  const std::vector<Row> rows = read_rows(context.job().verb.input);
  const std::string& kind = context.job().verb.kind;
  if (kind == "score") score(context, rows);
  if (kind == "generate") generate(context, rows);
  if (kind == "gradients") gradients(context, rows);
  context.host().wait_for_all("end");
}

}  // namespace muster::verbs
