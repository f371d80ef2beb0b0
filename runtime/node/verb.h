// The verbs of muster-runtime that need ranks: score, generate, gradients. Checks what was typed and every row of the
// input, makes a small plan and a folder for it, and lets the node agent run its ranks.
#pragma once

#include <string>
#include <vector>

namespace muster::node {

/// Is it one of these verbs?
bool needs_ranks(const std::string& verb);
/// `words` begin with the verb. Returns 0 when --output is written. throws: Error::user.
int run_ranks_verb(const std::vector<std::string>& words);

}  // namespace muster::node
