// Figures as people read them on a page.
#pragma once

#include <string>

namespace muster::page {

/// "52 s", "1 min 10 s", "2 h 5 min"; "?" when not finite.
std::string clock_text(double seconds);
/// Seconds with decimals that suit them and no unit: 123, 8.2, 0.152.
std::string step_seconds_text(double seconds);
/// 4812.3 -> "4,812"; 12.34 -> "12.3"; "?" when not finite.
std::string rate_text(double value);
/// "0.61"; "?" when not finite.
std::string reward_text(double value);
/// Short scientific: "1.2e-06"; 0 is "0".
std::string small_text(double value);

}  // namespace muster::page
