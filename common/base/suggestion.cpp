#include "common/base/suggestion.h"

#include <algorithm>
#include <vector>

namespace polygon {
namespace {

constexpr std::size_t kShortestAbbreviation = 3;

// Optimal string alignment distance.
std::size_t count_edits(std::string_view a, std::string_view b) {
    std::vector<std::vector<std::size_t>> row(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
    for (std::size_t i = 0; i <= a.size(); ++i)
        row[i][0] = i;
    for (std::size_t j = 0; j <= b.size(); ++j)
        row[0][j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t replace = a[i - 1] == b[j - 1] ? 0 : 1;
            row[i][j] = std::min({row[i - 1][j] + 1, row[i][j - 1] + 1, row[i - 1][j - 1] + replace});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                row[i][j] = std::min(row[i][j], row[i - 2][j - 2] + 1);
            }
        }
    }
    return row[a.size()][b.size()];
}

}  // namespace

std::optional<std::string> nearest_name(std::string_view name, std::span<const std::string> candidates) {
    const std::size_t limit = std::max<std::size_t>(2, name.size() / 3);
    std::optional<std::string> best;
    std::size_t best_edits = limit + 1;
    for (const std::string& candidate : candidates) {
        const bool is_abbreviated = name.size() >= kShortestAbbreviation && candidate.starts_with(name);
        const std::size_t edits = is_abbreviated ? 1 : count_edits(name, candidate);
        if (edits < best_edits) {
            best = candidate;
            best_edits = edits;
        }
    }
    return best;
}

}  // namespace polygon
