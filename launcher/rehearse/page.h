// What a rehearsal found, for people: per phase what it needs, and the owners of memory beside what the plan says.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "launcher/rehearse/kinds.h"

namespace muster::rehearse {

/// `found`: the object that muster-rank wrote for the rank (rehearsal/rehearse.h).
std::string kind_page(const spec::Plan& plan, const Kind& kind, const nlohmann::ordered_json& found);
/// The lines above the kinds and below them.
std::string head_line(const spec::Plan& plan, const std::string& lengths, const nlohmann::ordered_json& found,
                      std::size_t num_kinds);
std::string foot_text();
/// Bytes by owner that the plan predicts for the rank in a phase: null where it predicts another stage.
nlohmann::ordered_json predicted_owners(const spec::Plan& plan, std::int64_t rank, const std::string& phase);

}  // namespace muster::rehearse
