#include "common/etcd/rebuild_keys.h"

#include <algorithm>
#include <cstdint>

#include <fmt/format.h>

#include "common/base/clock.h"

namespace polygon::etcd {

RebuildKeys::RebuildKeys(std::string_view cluster_prefix) {
    if (cluster_prefix.ends_with('/')) cluster_prefix.remove_suffix(1);
    prefix_ = std::string(cluster_prefix) + ".polygon/";
}

std::string make_generation_name(std::chrono::system_clock::time_point now) {
    std::string name = format_utc(now);
    std::erase_if(name, [](char c) { return c == '-' || c == ':'; });
    const auto fraction = static_cast<std::uint64_t>(now.time_since_epoch().count()) >> 10U;
    return fmt::format("{}-{:04x}", name, fraction & 0xFFFFU);
}

}  // namespace polygon::etcd
