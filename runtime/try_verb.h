// `muster-runtime try`: what a job can be told before it waits for nodes. The first rows of each source are rendered
// and measured, and the reward is asked to grade made-up answers to them.
#pragma once

#include <string>
#include <vector>

namespace muster {

/// try --plan PLAN --output FILE [--rewards no]. Writes one JSON object:
///   {"sources": [{"path", "rows", "is_all", "refused", "too_long", "median", "p95", "longest", "limit", "example",
///                 "not_tried"}],                    lengths in tokens of prompts; `rows` are the first of the source
///    "first": {"place", "prompt", "gold", "tokens"},
///    "grades": [{"part", "answer", "reward"}]}      of made-up answers to the first prompt
/// throws: Error::user with what would end the run: tokenizer, templates, fields, no row that is good, no grade.
int try_job(const std::vector<std::string>& words);

}  // namespace muster
