// Sample answers as a person wants to see them: the question without the markup of its template, the answer, and
// whether it was right.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "launcher/progress/run_records.h"
#include "launcher/progress/terminal.h"

namespace muster::progress {

/// What was asked: without markers such as <|im_start|>, names of roles, and all that stands before the last user's
/// turn.
std::string prompt_essence(const std::string& prompt);

/// A sign for right or wrong, the reward where it is neither 0 nor 1, the outcome where there was none ("timeout").
Line verdict_mark(const SampleLine& sample, const Style& style);

/// At most `count` samples of different prompts.
std::vector<SampleLine> few_samples(const std::vector<SampleLine>& samples, std::size_t count);
/// One line a sample: mark, prompt, answer.
std::vector<Line> sample_lines(const std::vector<SampleLine>& samples, const Style& style);

/// At most `count` pairs (before, after), of the same prompt where there is one, else of the prompt whose words are
/// most alike. Each sample stands in one pair.
std::vector<std::pair<SampleLine, SampleLine>> alike_pairs(const std::vector<SampleLine>& before,
                                                           const std::vector<SampleLine>& after, std::size_t count);

}  // namespace muster::progress
