#include "runtime/data/schemas.h"

#include <array>

#include "runtime/base/error.h"

namespace muster::data {
namespace {

struct Schema {
  const char *name, *prompt, *answer;
};

constexpr std::array kSchemas{
    // source: huggingface.co/datasets/nvidia/OpenMathInstruct-2
    Schema{"openmathinstruct-2", "problem", "expected_answer"},
    // source: huggingface.co/datasets/BytedTsinghua-SIA/DAPO-Math-17k
    Schema{"dapo-math-17k", "prompt.0.content", "reward_model.ground_truth"},
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

}  // namespace muster::data
