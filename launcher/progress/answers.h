// Sample answers as a person wants to see them: the question without the markup of its template, the answer, and
// whether it was right.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "launcher/page/terminal.h"
#include "launcher/records/run_records.h"

namespace muster::progress {

/// What was asked: without markers such as <|im_start|>, names of roles, and all that stands before the last user's
/// turn.
std::string prompt_essence(const std::string& prompt);

/// A sign for right or wrong, the reward where it is neither 0 nor 1, the outcome where there was none ("timeout").
page::Line verdict_mark(const records::SampleLine& sample, const page::Style& style);

/// At most `count` samples of different prompts.
std::vector<records::SampleLine> few_samples(const std::vector<records::SampleLine>& samples, std::size_t count);
/// One line a sample: mark, prompt, answer, and the right answer behind one that is not right and says other than it.
std::vector<page::Line> sample_lines(const std::vector<records::SampleLine>& samples, const page::Style& style);

/// At most `count` pairs (before, after), of the same prompt where there is one, else of the prompt whose words are
/// most alike. Each sample stands in one pair.
std::vector<std::pair<records::SampleLine, records::SampleLine>> alike_pairs(
    const std::vector<records::SampleLine>& before, const std::vector<records::SampleLine>& after, std::size_t count);

}  // namespace muster::progress
