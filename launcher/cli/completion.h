// Completion for shells, made from the one table of verbs and options, so that it cannot say anything else.
#pragma once

#include <string>
#include <vector>

#include "launcher/cli/verb.h"

namespace muster::cli {

/// `muster completion SHELL`; `verbs` must outlive what is made: the table that the verb itself joins.
Verb completion_verb(const std::vector<Verb>& verbs);

/// The script for `shell` (bash, zsh or fish): verbs, their options, and the words that they take: shipped jobs and
/// clusters, keys of a job, runs in runs/, files. throws: Error::user for another shell.
std::string completion_text(const std::string& shell, const std::vector<Verb>& verbs);

}  // namespace muster::cli
