// The verbs of muster-runtime that need ranks, whole programs on a small model: against transformers' figures in
// float64, and one layout against another.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "runtime/base/files.h"
#include "runtime/base/json_lines.h"
#include "tests/support/command.h"
#include "tests/support/temporary_folder.h"

namespace muster {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using nlohmann::ordered_json;

using Layouts = std::map<std::string, std::vector<std::string>>;
const Layouts kLayouts{{"tp 2", {"--ranks", "2", "--train.tp", "2"}}, {"dp 2", {"--ranks", "2"}}};

class Verbs : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new tests::TemporaryFolder;
    const fs::path source(MUSTER_SOURCE_DIR);
    fs::copy(source / "tests/golden/model/llama", model());
    fs::copy_file(source / "templates/models/reverse-digits/tokenizer.json", model() / "tokenizer.json");
    const json expected = json::parse(base::read_file(model() / "expected.json"));
    std::ofstream rows(path("rows.jsonl"));
    std::size_t id = 0;
    for (const json& one : expected["cases"]) {
      if (one["temperature"] != 1.0) continue;
      logprobs_.push_back(one["logprobs"].get<std::vector<double>>());
      rows << json{{"id", id++}, {"tokens", one["tokens"]}}.dump() << "\n";
    }
  }
  static void TearDownTestSuite() {
    delete folder_;
    folder_ = nullptr;
    logprobs_.clear();
  }

  static fs::path model() { return folder_->path() / "model"; }
  static std::string path(const std::string& name) { return (folder_->path() / name).string(); }

  static tests::CommandResult call(const std::vector<std::string>& words) {
    std::vector<std::string> command{MUSTER_BINARY_DIR "/bin/muster-runtime"};
    command.insert(command.end(), words.begin(), words.end());
    return tests::run_command(command, 120);
  }

  static void run(const std::string& verb, const std::string& output, const std::vector<std::string>& more,
                  const std::string& input = "rows.jsonl") {
    std::vector<std::string> words{verb, "--model", model().string(), "--input", path(input), "--output", path(output)};
    words.insert(words.end(), more.begin(), more.end());
    const tests::CommandResult result = call(words);
    ASSERT_EQ(result.code, 0) << result.output;
    EXPECT_EQ(result.output, "") << "a verb that goes well is silent";
  }

  static std::map<std::string, std::vector<float>> read_tensors(const std::string& file) {
    const std::string bytes = base::read_file(path(file));
    std::uint64_t length = 0;
    std::memcpy(&length, bytes.data(), sizeof length);
    std::map<std::string, std::vector<float>> tensors;
    const json header = json::parse(bytes.substr(8, length));
    for (const auto& [name, entry] : header.items()) {
      if (name == "__metadata__") continue;
      EXPECT_EQ(entry["dtype"], "F32");
      const std::size_t begin = entry["data_offsets"][0], end = entry["data_offsets"][1];
      tensors[name].resize((end - begin) / sizeof(float));
      std::memcpy(tensors[name].data(), bytes.data() + 8 + length + begin, end - begin);
    }
    return tensors;
  }

  static tests::TemporaryFolder* folder_;
  static std::vector<std::vector<double>> logprobs_;
};

tests::TemporaryFolder* Verbs::folder_ = nullptr;
std::vector<std::vector<double>> Verbs::logprobs_;

TEST_F(Verbs, ScoresAreThoseOfTransformersInAnyLayout) {
  Layouts layouts = kLayouts;
  layouts["one rank"] = {};
  for (const auto& [name, words] : layouts) {
    run("score", "scores.jsonl", words);
    const auto lines = base::read_json_lines(path("scores.jsonl"));
    ASSERT_EQ(lines.size(), logprobs_.size());
    for (std::size_t i = 0; i < lines.size(); ++i) {
      EXPECT_EQ(lines[i]["id"], i);
      const auto found = lines[i]["logprobs"].get<std::vector<double>>();
      ASSERT_EQ(found.size(), logprobs_[i].size()) << "one fewer than there are tokens";
      for (std::size_t t = 0; t < found.size(); ++t) EXPECT_NEAR(found[t], logprobs_[i][t], 1e-5) << name;
    }
  }
}

TEST_F(Verbs, GradientsOfAnyLayoutAreThoseOfOneRank) {
  run("gradients", "one.safetensors", {});
  const auto one = read_tensors("one.safetensors");
  EXPECT_EQ(one.size(), 21u) << "every weight by its Hugging Face name";
  EXPECT_TRUE(one.contains("model.layers.1.self_attn.k_proj.weight"));
  for (const auto& [name, words] : kLayouts) {
    run("gradients", "other.safetensors", words);
    const auto other = read_tensors("other.safetensors");
    ASSERT_EQ(other.size(), one.size());
    for (const auto& [tensor, values] : one) {
      double difference = 0, norm = 0;
      for (std::size_t i = 0; i < values.size(); ++i) {
        difference += std::pow(static_cast<double>(other.at(tensor).at(i)) - values[i], 2);
        norm += std::pow(static_cast<double>(values[i]), 2);
      }
      EXPECT_GT(norm, 0) << tensor;
      EXPECT_LT(std::sqrt(difference / norm), 1e-5) << name << " " << tensor;
    }
  }
}

TEST_F(Verbs, AnswersDoNotDependOnTheLayoutAndScoreAsTheyWereDrawn) {
  for (const std::string temperature : {"0", "1"}) {
    const std::vector<std::string> words{"--max-new-tokens", "12", "--temperature", temperature, "--seed", "5"};
    run("generate", "one.jsonl", words);
    for (const auto& [name, layout] : kLayouts) {
      std::vector<std::string> more = words;
      more.insert(more.end(), layout.begin(), layout.end());
      run("generate", "other.jsonl", more);
      const auto one = base::read_json_lines(path("one.jsonl")), other = base::read_json_lines(path("other.jsonl"));
      for (std::size_t i = 0; i < one.size(); ++i) EXPECT_EQ(one[i]["tokens"], other[i]["tokens"]) << name;
    }
    const auto rows = base::read_json_lines(path("rows.jsonl"));
    std::ofstream whole(path("whole.jsonl"));
    const auto answers = base::read_json_lines(path("one.jsonl"));
    for (std::size_t i = 0; i < rows.size(); ++i) {
      ordered_json tokens = rows[i]["tokens"];
      for (const auto& token : answers[i]["tokens"]) tokens.push_back(token);
      whole << ordered_json{{"id", i}, {"tokens", tokens}}.dump() << "\n";
    }
    whole.close();
    run("score", "whole.out", {}, "whole.jsonl");
    const auto scores = base::read_json_lines(path("whole.out"));
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const std::size_t count = answers[i]["tokens"].size(), all = scores[i]["logprobs"].size();
      EXPECT_TRUE(count == 12 ? true : answers[i]["finish"] == "stop");
      EXPECT_TRUE(answers[i]["text"].is_string());
      for (std::size_t t = 0; t < count; ++t)
        EXPECT_NEAR(scores[i]["logprobs"][all - count + t].get<double>(), answers[i]["logprobs"][t].get<double>(),
                    1e-4);
    }
  }
}

TEST_F(Verbs, TextIsTokenisedAndDecoded) {
  std::ofstream(path("text.jsonl")) << R"({"id":"a","text":"<bos>12="})"
                                    << "\n";
  run("generate", "text.out", {"--max-new-tokens", "3", "--temperature", "0"}, "text.jsonl");
  const auto lines = base::read_json_lines(path("text.out"));
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(lines[0]["id"], "a");
  EXPECT_LE(lines[0]["tokens"].size(), 3u);
}

TEST_F(Verbs, InspectTellsWhatTheFolderHolds) {
  const tests::CommandResult result = call({"inspect", "--model", model().string()});
  ASSERT_EQ(result.code, 0) << result.output;
  const json facts = json::parse(result.output);
  EXPECT_EQ(facts["family"], "llama");
  EXPECT_EQ(facts["parameters"].get<std::int64_t>() * 4, facts["bytes"].get<std::int64_t>()) << "stored as fp32";
  EXPECT_GT(facts["flops_per_token"]["forward"].get<double>(), 2 * (facts["parameters"].get<double>() - 2 * 96 * 32));
}

TEST_F(Verbs, HostileWeightsAndRowsEndInOneErrorAndNoCrash) {
  const fs::path broken = folder_->path() / "broken";
  fs::copy(model(), broken, fs::copy_options::recursive);
  const std::string whole = base::read_file(model() / "model.safetensors");
  const auto refused = [&](const std::string& bytes, const std::string& expected) {
    std::ofstream(broken / "model.safetensors", std::ios::binary | std::ios::trunc) << bytes;
    for (const std::vector<std::string>& words :
         {std::vector<std::string>{"inspect", "--model", broken.string()},
          {"score", "--model", broken.string(), "--input", path("rows.jsonl"), "--output", path("never")}}) {
      const tests::CommandResult result = call(words);
      EXPECT_EQ(result.code, 2) << result.output;
      EXPECT_NE(result.output.find(expected), std::string::npos) << result.output;
      EXPECT_NE(result.output.find("model.safetensors"), std::string::npos) << result.output;
      EXPECT_FALSE(fs::exists(path("never")));
    }
  };
  refused(whole.substr(0, whole.size() / 2), "cut off");
  refused(std::string("\xff\xff\xff\xff\xff\xff\xff\x7f{}", 10), "header would have");
  std::ofstream(path("bad.jsonl")) << "{\"id\":1,\"tokens\":[96]}\n"
                                   << std::string(100'000, '[') << "\n{\"tokens\":[1]}\n";
  const tests::CommandResult result =
      call({"score", "--model", model().string(), "--input", path("bad.jsonl"), "--output", path("never")});
  EXPECT_EQ(result.code, 2);
  for (const char* line : {"bad.jsonl:1:", "bad.jsonl:2:", "bad.jsonl:3:"})
    EXPECT_NE(result.output.find(line), std::string::npos) << result.output;
}

TEST_F(Verbs, WhatDoesNotFitIsRefusedBeforeARankStarts) {
  const auto refusal = [&](std::vector<std::string> more) {
    std::vector<std::string> words{"score",    "--model",    model().string(), "--input", path("rows.jsonl"),
                                   "--output", path("never")};
    words.insert(words.end(), more.begin(), more.end());
    const tests::CommandResult result = call(words);
    EXPECT_EQ(result.code, 2) << result.output;
    return result.output;
  };
  EXPECT_NE(refusal({"--ranks", "3", "--train.tp", "3"}).find("4 query heads"), std::string::npos);
  EXPECT_NE(refusal({"--train.tq", "3"}).find("tq"), std::string::npos);
  EXPECT_NE(refusal({"--ranks", "none"}).find("whole number"), std::string::npos);
  EXPECT_NE(refusal({"--dtype"}).find("--dtype"), std::string::npos);
}

}  // namespace
}  // namespace muster
