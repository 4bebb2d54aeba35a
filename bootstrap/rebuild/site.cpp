#include "bootstrap/rebuild/site.h"

#include <array>

#include <fmt/format.h>
#include <unistd.h>

#include "bootstrap/rebuild/cluster_store.h"
#include "common/etcd/rebuild_keys.h"

namespace polygon::rebuild {
namespace {

using namespace std::chrono_literals;

constexpr auto kLockLifetime = 10s;

std::string host_name() {
    std::array<char, 256> name{};
    if (::gethostname(name.data(), name.size() - 1) != 0) return "unknown host";
    return name.data();
}

}  // namespace

Result<patroni::PolygonSettings> require_polygon(const patroni::ConfigurationSources& sources,
                                                 const patroni::Overrides& overrides) {
    auto settings = TRY(patroni::PolygonSettings::load(sources, overrides));
    if (settings.source) return settings;
    return Error{Errc::configuration, "the configuration has no polygon.source: this is no polygon's",
                 "Use the configuration of a node of the polygon; production is never rebuilt or reset."};
}

Result<std::unique_ptr<etcd::Lock>> take_lock(const patroni::Configuration& configuration, const std::string& what,
                                              Clock& clock) {
    const etcd::RebuildKeys keys(configuration.key_prefix());
    const std::string holder = fmt::format("polygon-rebuild {} on {}, process {}, since {}", what, host_name(),
                                           ::getpid(), format_utc(clock.wall()));
    auto lock = etcd::Lock::acquire(configuration.etcd3, keys.lock(), holder, kLockLifetime, clock);
    if (!lock && lock.error().code == Errc::conflict)
        lock.error().message = "another coordinator is at work: " + lock.error().message;
    return lock;
}

}  // namespace polygon::rebuild
