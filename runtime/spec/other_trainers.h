// The names that TRL, verl and NeMo RL give to what a job of Muster calls otherwise.
#pragma once

#include <string>

namespace muster::spec {

/// The last part of the key here that means what `name` means in another trainer's configuration, e.g. "lr" for
/// "learning_rate"; "" for every other name.
std::string name_of_other_trainers(const std::string& name);

}  // namespace muster::spec
