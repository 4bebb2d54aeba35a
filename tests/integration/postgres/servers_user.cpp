#include "tests/integration/postgres/servers_user.h"

#include <pwd.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "tests/integration/backup/server.h"
#include "tests/support/require.h"

namespace polygon::postgres::test {

AsServersUser::AsServersUser() : was_root_(::geteuid() == 0) {
    if (!was_root_) return;
    const passwd* user = ::getpwnam("postgres");
    REQUIRE(user != nullptr);
    // The saved user is the way back; a shell would undo a change of the effective user alone.
    REQUIRE(::setresuid(user->pw_uid, user->pw_uid, 0) == 0);
    // As a program that was started as that user: /proc/self is its own, where a namespace's maps are written.
    REQUIRE(::prctl(PR_SET_DUMPABLE, 1) == 0);
}

AsServersUser::~AsServersUser() {
    if (was_root_ && ::setresuid(0, 0, 0) != 0) ::_exit(1);
}

Binaries newest_binaries() {
    const int major = backup::test::installed_major();
    const auto found = support::require(find_wal_reader({}, major, system_clock()));
    REQUIRE(found.has_value());
    return *found;
}

}  // namespace polygon::postgres::test
