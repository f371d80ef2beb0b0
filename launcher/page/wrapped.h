// Words in lines of a page, none wider than the page. Pure.
#pragma once

#include <cstddef>
#include <string>

namespace muster::page {

inline constexpr std::size_t kPageColumns = 100;

/// `text` broken at blanks so that no line passes `width`; every line begins with `indent` blanks and ends.
std::string wrapped(const std::string& text, std::size_t indent, std::size_t width = kPageColumns);

}  // namespace muster::page
