// The table of the fields of a validation, and what follows from it.
#include "runtime/spec/validation_record.h"

#include "runtime/spec/record_visitors.h"

namespace muster::spec {
namespace {

template <class Visitor, class Record>
void describe_validation(Visitor& v, Record& r) {
  constexpr bool kSame = true;
  constexpr bool kOwn = false;  // of this run alone
  v.field("step", r.step, "", kSame, "after which the weights were looked at; 0: before the first");
  v.field("attempt", r.attempt, "", kOwn, "of the run");
  v.field("weight_version", r.weight_version, "", kSame, "of the generator");
  v.field("time", r.time, "", kOwn, "wall clock, UTC");
  v.field("seconds", r.seconds, "s", kOwn, "of the whole look");
  v.field("prompts", r.prompts, "prompts", kSame, "looked at");
  v.field("samples_per_prompt", r.samples_per_prompt, "samples", kSame, "k");
  v.field("pass_1", r.pass_1, "", kSame,
          "pass@1: share of graded samples with reward 1 or more, mean over the prompts");
  v.field("pass_k", r.pass_k, "", kSame, "pass@k: share of prompts with such a sample among k");
  v.field("mean_k", r.mean_k, "", kSame, "mean@k: mean reward of the graded samples, mean over the prompts");
  v.field("maj_k", r.maj_k, "", kSame, "maj@k: share of prompts whose most frequent final answer is right");
  v.field("mean_answer_tokens", r.mean_answer_tokens, "tokens", kSame, "of an answer");
  v.field("truncated", r.truncated, "", kSame, "share of answers cut off");
  v.field("timeouts", r.timeouts, "samples", kSame, "whose grading was given up");
  v.field("failed", r.failed, "samples", kSame, "whose grader died");
}

}  // namespace

const std::vector<FieldInfo>& validation_fields() {
  static const std::vector<FieldInfo> fields = [] {
    FieldList list;
    const ValidationRecord record;
    describe_validation(list, record);
    return list.fields;
  }();
  return fields;
}

nlohmann::ordered_json to_json(const ValidationRecord& record) {
  FieldWriter writer;
  describe_validation(writer, record);
  return writer.object;
}

ValidationRecord validation_record_of(const nlohmann::ordered_json& line) {
  ValidationRecord record;
  FieldReader reader(line);
  describe_validation(reader, record);
  return record;
}

}  // namespace muster::spec
