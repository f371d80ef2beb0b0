// Why a path is no model folder, for those who typed it.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "runtime/base/error.h"

namespace muster::spec {

/// What is wrong with `folder` as a model folder: it is not there (and `asked`, as it was typed, looks like a Hugging
/// Face hub id), it is a file, or it has no config.json. None where it has one.
std::optional<base::Fault> model_folder_fault(const std::string& asked, const std::filesystem::path& folder);
/// As above for a path whose typed form is not known: what lies below the current folder counts as typed from there.
std::optional<base::Fault> model_folder_fault(const std::filesystem::path& folder);

}  // namespace muster::spec
