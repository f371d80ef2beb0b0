#include "runtime/data/schemas.h"

#include <algorithm>
#include <array>

#include "runtime/base/error.h"

namespace muster::data {
namespace {

struct Schema {
  const char *name, *prompt, *answer;
  bool repeats_rows = false;
};

constexpr std::array kSchemas{
    // source: huggingface.co/datasets/nvidia/OpenMathInstruct-2
    Schema{"openmathinstruct-2", "problem", "expected_answer"},
    // source: huggingface.co/datasets/BytedTsinghua-SIA/DAPO-Math-17k
    // Its 17 thousand problems stand in it a hundred times each.
    Schema{"dapo-math-17k", "prompt.0.content", "reward_model.ground_truth", true},
};

}  // namespace

FieldNames field_names(const spec::DataSource& source) {
  FieldNames names;
  bool known = source.schema.empty();
  for (const Schema& schema : kSchemas) {
    if (source.schema != schema.name) continue;
    names = {schema.prompt, schema.answer};
    known = true;
  }
  if (!known) throw Error::user({.what = "there is no schema '" + source.schema + "'", .where = "data.schema"});
  if (!source.prompt_field.empty()) names.prompt = source.prompt_field;
  if (!source.answer_field.empty()) names.answer = source.answer_field;
  return names;
}

bool is_deduplicated(const spec::DataJob& data, const spec::DataSource& source) {
  if (data.deduplicate != spec::Switch::automatic) return data.deduplicate == spec::Switch::on;
  return std::any_of(kSchemas.begin(), kSchemas.end(),
                     [&](const Schema& schema) { return schema.repeats_rows && source.schema == schema.name; });
}

}  // namespace muster::data
