#include "bootstrap/restore/staging/old_data.h"

#include "bootstrap/restore/linked_places.h"
#include "common/base/log.h"
#include "common/fs/file.h"
#include "common/fs/space.h"
#include "common/postgres/generation_marker.h"

namespace polygon::bootstrap {
namespace {

namespace stdfs = std::filesystem;
using postgres::Path;

constexpr const char* kMarker = "polygon.json";

Result<std::vector<Path>> list_trees(const Path& directory, const std::string& suffix) {
    std::vector<Path> trees = TRY(list_link_targets(directory));
    std::erase_if(trees, [&](const Path& target) { return !target.string().ends_with(suffix); });
    trees.push_back(directory);
    return trees;
}

Status measure(const Path& directory, const std::string& suffix, std::vector<OldTree>& old) {
    for (const Path& tree : TRY(list_trees(directory, suffix)))
        old.push_back({.path = tree, .bytes = TRY(fs::used_bytes(tree))});
    return {};
}

// `global` first, so that no half of it can be started; what says whose it is last, so that a repeat knows it.
Status remove_contents(const Path& failed) {
    TRY(fs::remove_tree(failed / "global"));
    return fs::remove_tree_with_last(failed, kMarker);
}

}  // namespace

Path failed_place(const postgres::Places& places) {
    return places.data.string() + postgres::kFailedSuffix;
}

Result<bool> is_failed_clone(const Path& failed) {
    // Patroni renames a data directory that is a link by its link; what that leads to may be anything.
    if (!TRY(fs::is_there(failed)) || TRY(fs::is_link(failed))) return false;
    const auto marker = postgres::read_marker(failed);
    if (!marker && marker.error().code == Errc::io) return marker.error();
    return marker && marker->has_value();
}

Result<std::vector<OldTree>> find_old_data(const postgres::Places& places) {
    std::vector<OldTree> old;
    if (TRY(fs::is_there(places.previous))) TRY(measure(places.previous, postgres::kPreviousSuffix, old));
    const Path failed = failed_place(places);
    if (TRY(is_failed_clone(failed))) TRY(measure(failed, postgres::kFailedSuffix, old));
    return old;
}

Status remove_failed_clone(const postgres::Places& places) {
    const Path failed = failed_place(places);
    if (!TRY(is_failed_clone(failed))) return {};
    log_info("removing a clone whose bootstrap failed", {{"directory", failed.string()}});
    for (const Path& tree : TRY(list_trees(failed, postgres::kFailedSuffix))) {
        if (tree != failed) TRY(fs::remove_tree(tree));
    }
    return remove_contents(failed);
}

}  // namespace polygon::bootstrap
