// A plan as a page for people, at most 100 columns wide. Pure.
#pragma once

#include <string>
#include <vector>

#include "launcher/cluster/cluster.h"
#include "runtime/spec/plan.h"
#include "runtime/spec/step_record.h"
#include "runtime/spec/toml_reader.h"

namespace muster::plan {

inline constexpr std::size_t kPageColumns = 100;

/// `batch_script` may be empty: the plan runs without Slurm.
std::string plan_page(const spec::Plan& plan, const cluster::Cluster& cluster, const std::string& batch_script);
/// The trainer's pipeline: what each stage holds, and when it works on which micro batch.
std::string schedule_page(const spec::Plan& plan);
/// plan.toml in full, each key of the job with the place that gave it as a comment.
std::string resolved_page(const spec::Plan& plan, const spec::KeyPlaces& places);
/// Every key with type, unit, default and meaning, a table at a time.
std::string keys_page(const std::vector<spec::KeyInfo>& keys);
std::string step_fields_page(const std::vector<spec::FieldInfo>& fields, const std::string& file = "steps.jsonl");
/// `text` broken at blanks so that no line passes `width`; every line begins with `indent` blanks.
std::string wrapped(const std::string& text, std::size_t indent, std::size_t width = kPageColumns);

}  // namespace muster::plan
