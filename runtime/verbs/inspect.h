// `muster-runtime inspect`: what a model folder holds, and whether its weights are those that its config.json asks for.
#pragma once

#include <filesystem>

namespace muster::verbs {

/// `inspect`: one JSON object on stdout. Opens config.json and the header of every weight file.
/// throws: Error::user naming each weight that is missing or of another shape.
int inspect_model(const std::filesystem::path& folder);

}  // namespace muster::verbs
