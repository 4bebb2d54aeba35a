// Every single call by which a restore changes anything fails once: it says so, and leaves nothing.
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "common/base/error.h"
#include "tests/integration/faults/faulty_run.h"
#include "tests/integration/faults/small_site.h"
#include "tests/support/catch.h"

namespace polygon::faults {
namespace {

namespace stdfs = std::filesystem;

struct Fault {
    Call call;
    std::uint32_t at;
    int reason;
};

// "polygon-restore.incomplete" of ".../data/polygon-restore.incomplete".
std::string name_of(const FaultPage& page) {
    return stdfs::path(page->failed_path).filename();
}

// False when the restore makes fewer such calls; then it has succeeded.
bool strikes(const SmallSite& site, const Fault& fault) {
    const FaultPage page(site.page_file());
    page->failing_call = fault.call;
    page->failing_at = fault.at;
    page->failing_with = fault.reason;
    const std::vector<std::string> before = inventory(site.root());
    const process::Finished done = site.restore(page);
    INFO(fmt::format("{} number {} of '{}' failing with {}: ", kCallNames[fault.call], fault.at, page->failed_path,
                     std::strerror(fault.reason))
         << done.err);
    if (!page->has_failed) {
        CHECK(done.exit_status == 0);
        site.check_restored();
        return false;
    }
    CHECK(done.exit_status == exit_status(Errc::io));
    // A directory is made on the way to one beneath it, which is what the message names then.
    CHECK_THAT(done.err, ContainsText(name_of(page) + "'") || ContainsText("'" + name_of(page) + "/"));
    CHECK_THAT(done.err, ContainsText(std::string(": ") + std::strerror(fault.reason)));
    if (fault.reason == ENOSPC) CHECK_THAT(done.err, ContainsText("HINT: Make room on that file system and repeat."));
    CHECK(inventory(site.root()) == before);
    return true;
}

// How many calls of a kind there are, each having failed once, and the restore having succeeded right after it.
std::uint32_t fail_each(const SmallSite& site, Call call, int reason) {
    std::uint32_t at = 1;
    while (strikes(site, {.call = call, .at = at, .reason = reason})) {
        const FaultPage no_fault(site.page_file());
        const process::Finished repeated = site.restore(no_fault);
        INFO(repeated.err);
        CHECK(repeated.exit_status == 0);
        site.check_restored();
        site.clear();
        ++at;
    }
    site.clear();
    return at - 1;
}

TEST_CASE("a call that fails, whichever, ends the restore with its reason, and all is as it was; a repeat succeeds") {
    if (!is_supported()) return;
    using Variant = std::pair<std::string, int>;
    const auto [format, reason] =
        GENERATE(values<Variant>({{"tar", ENOSPC}, {"tar", EIO}, {"gzip", ENOSPC}, {"plain", EIO}}));
    INFO(format << ", " << std::strerror(reason));
    const SmallSite site(format);
    // At least: a mark in each place, each file, the control file; two places; the control file; …
    CHECK(fail_each(site, faults::write, reason) >= 10);
    CHECK(fail_each(site, faults::flush, reason) >= 6);
    CHECK(fail_each(site, faults::flush_all, reason) == 2);
    CHECK(fail_each(site, faults::rename, reason) == 1);
    CHECK(fail_each(site, faults::create, reason) >= 10);
    CHECK(fail_each(site, faults::make_directory, reason) >= 8);
    CHECK(fail_each(site, faults::cut, reason) >= 1);
    CHECK(fail_each(site, faults::link, reason) == 1);
    CHECK(fail_each(site, faults::mode, reason) >= 3);
    CHECK(fail_each(site, faults::close, reason) >= 10);
    CHECK(fail_each(site, faults::remove, reason) == 2);
}

TEST_CASE("room that cannot be allocated beforehand is no error") {
    if (!is_supported()) return;
    const SmallSite site("tar");
    const FaultPage page(site.page_file());
    page->failing_call = faults::allocate;
    page->failing_at = 1;
    page->failing_with = EOPNOTSUPP;
    const process::Finished done = site.restore(page);
    INFO(done.err);
    CHECK(page->has_failed == 1);
    CHECK(done.exit_status == 0);
    site.check_restored();
}

TEST_CASE("direct writes that are refused in the middle of a file go on through the page cache") {
    if (!is_supported()) return;
    const SmallSite site("tar");
    const std::vector<std::string> before = inventory(site.root());
    int successes = 0;
    for (std::uint32_t at = 1;; ++at) {
        INFO(at);
        const FaultPage page(site.page_file());
        page->failing_call = faults::write;
        page->failing_at = at;
        page->failing_with = EINVAL;
        const process::Finished done = site.restore(page);
        if (!page->has_failed) break;
        const bool is_of_large_file = name_of(page) == SmallSite::kLargeFile;
        if (done.exit_status == 0 && is_of_large_file) {
            ++successes;
            site.check_restored();
        } else {
            CHECK(done.exit_status == exit_status(Errc::io));
            CHECK(inventory(site.root()) == before);
        }
        site.clear();
    }
    if (site.takes_direct_writes()) CHECK(successes >= 3);
}

TEST_CASE("writes that take less than they are given, and interrupted ones, are gone on with") {
    if (!is_supported()) return;
    const std::string format = GENERATE("tar", "gzip", "plain");
    const std::uint32_t most_bytes = GENERATE(100U, 4096U, 65537U, 1U << 20);
    INFO(format << ", " << most_bytes);
    const SmallSite site(format);
    const FaultPage page(site.page_file());
    page->most_bytes = most_bytes;
    page->interrupted_every = 2;
    const process::Finished done = site.restore(page);
    INFO(done.err);
    CHECK(done.exit_status == 0);
    site.check_restored();
}

}  // namespace
}  // namespace polygon::faults
