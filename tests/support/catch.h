// Catch2 2 or 3, whichever the system has. ContainsText is version 2's Contains, version 3's ContainsSubstring.
#pragma once

#if POLYGON_CATCH2_MAJOR == 2
#include <catch2/catch.hpp>
inline auto ContainsText(const std::string& text) { return Catch::Contains(text); }
#else
#include <catch2/catch_all.hpp>
inline auto ContainsText(const std::string& text) { return Catch::Matchers::ContainsSubstring(text); }
#endif
