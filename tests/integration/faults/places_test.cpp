// Places where a restore cannot do its work, or where it looks as if it could not.
#include <cerrno>
#include <cstring>
#include <filesystem>

#include <sys/mount.h>
#include <unistd.h>

#include "common/base/error.h"
#include "tests/integration/faults/small_site.h"
#include "tests/support/catch.h"

namespace polygon::faults {
namespace {

using namespace std::chrono_literals;
namespace stdfs = std::filesystem;

// A file system in memory, of its own, on a directory that it makes.
class Mounted {
  public:
    Mounted(fs::Path directory, unsigned long flags, const std::string& options) : directory_(std::move(directory)) {
        stdfs::create_directories(directory_);
        is_mounted_ = ::mount("tmpfs", directory_.c_str(), "tmpfs", flags, options.c_str()) == 0;
        if (!is_mounted_) WARN("skipped: cannot mount a tmpfs here: " << std::strerror(errno));
    }
    ~Mounted() {
        if (is_mounted_) ::umount(directory_.c_str());
    }
    Mounted(const Mounted&) = delete;
    Mounted& operator=(const Mounted&) = delete;
    explicit operator bool() const { return is_mounted_; }

  private:
    fs::Path directory_;
    bool is_mounted_ = false;
};

process::Finished restore(const SmallSite& site, std::vector<std::string> argv = {}) {
    argv.insert(argv.end(), {POLYGON_BOOTSTRAP, "restore"});
    for (const std::string& argument : site.arguments())
        argv.push_back(argument);
    const auto done = process::run({.argv = argv}, system_clock(), Deadline(system_clock(), 120s));
    REQUIRE(done.has_value());
    return *done;
}

TEST_CASE("a file system that is full in the middle of a restore is as empty as before") {
    const SmallSite site("tar");
    const Mounted mounted(site.data().parent_path(), 0, "nr_inodes=12,mode=0755");
    if (!mounted) return;
    const std::vector<std::string> before = inventory(site.root());
    const process::Finished done = restore(site);
    INFO(done.err);
    CHECK(done.exit_status == exit_status(Errc::io));
    CHECK_THAT(done.err, ContainsText(site.data().string() + "': No space left on device"));
    CHECK_THAT(done.err, ContainsText("HINT: Make room on that file system and repeat."));
    CHECK(inventory(site.root()) == before);
}

TEST_CASE("a read-only file system is told as such") {
    const SmallSite site("tar");
    const Mounted mounted(site.data().parent_path(), MS_RDONLY, "mode=0755");
    if (!mounted) return;
    const std::vector<std::string> before = inventory(site.root());
    const process::Finished done = restore(site);
    INFO(done.err);
    CHECK(done.exit_status == exit_status(Errc::io));
    CHECK_THAT(done.err, ContainsText("cannot create '" + site.data().string() + "': Read-only file system"));
    CHECK(inventory(site.root()) == before);
}

TEST_CASE("a mount point can be the data directory") {
    const SmallSite site("tar");
    const Mounted mounted(site.data(), 0, "mode=0755");
    if (!mounted) return;
    const process::Finished done = restore(site);
    INFO(done.err);
    CHECK(done.exit_status == 0);
    site.check_restored();
}

TEST_CASE("a data directory that belongs to somebody else is left to him") {
    if (::geteuid() != 0) {
        WARN("skipped: only root can become somebody else");
        return;
    }
    const SmallSite site("tar");
    site.open_to_everybody();
    const std::vector<std::string> nobody = {"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"};
    std::string expected;
    SECTION("its parent cannot be written") {
        expected = "cannot create '" + site.data().parent_path().string() + "': Permission denied";
    }
    SECTION("it cannot be written") {
        stdfs::create_directories(site.data());
        expected = "polygon-restore.incomplete': Permission denied";
    }
    SECTION("it can be written, and its mode cannot be set") {
        stdfs::create_directories(site.data());
        stdfs::permissions(site.data(), stdfs::perms(0777));
        expected = "cannot set the mode of '" + site.data().string() + "': Operation not permitted";
    }
    const std::vector<std::string> before = inventory(site.root());
    const process::Finished done = restore(site, nobody);
    INFO(done.err);
    CHECK(done.exit_status == exit_status(Errc::io));
    CHECK_THAT(done.err, ContainsText(expected));
    CHECK(done.err.find("stays behind") == std::string::npos);
    CHECK(inventory(site.root()) == before);
}

}  // namespace
}  // namespace polygon::faults
