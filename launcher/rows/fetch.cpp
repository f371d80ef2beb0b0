// Where the models and data of the published rows lie on the Hugging Face hub.
#include "launcher/rows/fetch.h"

#include <filesystem>
#include <map>

#include "runtime/base/text.h"

namespace muster::rows {
namespace {

/// By the name of the job's model folder. DeepSeek-V3 itself is stored in FP8.
const std::map<std::string, std::string>& repositories() {
  static const std::map<std::string, std::string> known{
      {"Llama-3.1-8B-Instruct", "meta-llama/Llama-3.1-8B-Instruct"},
      {"Qwen3-30B-A3B", "Qwen/Qwen3-30B-A3B"},
      {"Qwen3-32B", "Qwen/Qwen3-32B"},
      {"Qwen3-235B-A22B", "Qwen/Qwen3-235B-A22B"},
      {"DeepSeek-V3-0324-BF16", "unsloth/DeepSeek-V3-0324-BF16"},
      {"NVIDIA-Nemotron-3-Nano-30B-A3B-BF16", "nvidia/NVIDIA-Nemotron-3-Nano-30B-A3B-BF16"}};
  return known;
}

struct Data {
  std::string repository, files;
};
Data data_of(const std::string& dataset) {
  if (dataset == "OpenMathInstruct-2") return {"nvidia/OpenMathInstruct-2", "data/train_1M-*"};
  if (dataset == "DAPO-Math-17k") return {"BytedTsinghua-SIA/DAPO-Math-17k", "data/*"};
  return {};
}

}  // namespace

std::string fetch_lines(const PublishedRow& row, const spec::Job& job, double model_bytes, std::size_t indent) {
  const std::string margin(indent, ' '), next = " \\\n" + margin + "  ";
  std::string changes;
  std::string lines = margin + "export MUSTER_CACHE=\"${MUSTER_CACHE:-$HOME/.cache/muster}\"\n";
  const std::string folder = std::filesystem::path(job.model.path).filename().string();
  if (model_bytes > 0)
    lines += base::text(margin, "# the model: ", base::number_text(model_bytes / 1e9, 0), " GB of disk\n");
  if (const auto found = repositories().find(folder); found != repositories().end()) {
    lines += margin + "hf download " + found->second + next + "--local-dir \"$MUSTER_CACHE/models/" + folder + "\"\n";
  } else {
    lines +=
        margin + "# " + folder + " is on no hub as it is: put BF16 weights into $MUSTER_CACHE/models/" + folder + "\n";
  }
  if (const Data data = data_of(row.dataset); !data.repository.empty()) {
    lines += margin + "hf download " + data.repository + " --repo-type dataset" + next + "--include \"" + data.files +
             "\" --local-dir \"$MUSTER_CACHE/data/" + row.dataset + "\"\n";
    changes = next + "--set data.path=\"$MUSTER_CACHE/data/" + row.dataset + "/" + data.files +
              (data.files.ends_with("-*") ? ".parquet" : "") + "\"";
  } else {
    lines += margin + "# the data (" + row.dataset + ") are yours to bring: " + job.data.path + "\n";
  }
  return lines + margin + "muster submit " + row.job + " --cluster " + row.cluster + changes + "\n";
}

}  // namespace muster::rows
