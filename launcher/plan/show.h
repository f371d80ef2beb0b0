// A plan as a page for people, at most 100 columns wide. Pure.
#pragma once

#include <string>

#include "launcher/cluster/cluster.h"
#include "runtime/spec/plan.h"
#include "runtime/spec/toml_reader.h"

namespace muster::plan {

/// `batch_script` may be empty: the plan runs without Slurm.
std::string plan_page(const spec::Plan& plan, const cluster::Cluster& cluster, const std::string& batch_script);
/// The trainer's pipeline: what each stage holds, and when it works on which micro batch.
std::string schedule_page(const spec::Plan& plan);
/// plan.toml in full, each key of the job with the place that gave it as a comment.
std::string resolved_page(const spec::Plan& plan, const spec::KeyPlaces& places);

}  // namespace muster::plan
