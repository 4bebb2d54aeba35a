#include "common/base/error.h"

#include <cerrno>
#include <set>

#include "tests/support/catch.h"

namespace polygon {
namespace {

TEST_CASE("each code has an exit status of its own, none of them 0, and a name") {
    std::set<int> statuses;
    std::set<std::string_view> names;
    for (const ErrorRow& row : error_table()) {
        CHECK(row.exit_status > 0);
        CHECK(row.exit_status < 126);  // from there on shells say how a command ended
        CHECK(statuses.insert(row.exit_status).second);
        CHECK(names.insert(row.name).second);
        CHECK(exit_status(row.code) == row.exit_status);
        CHECK_FALSE(row.meaning.empty());
    }
}

TEST_CASE("errno becomes a message that names the object") {
    const Error error = errno_error(Errc::io, "cannot open '/nowhere'", ENOENT, "Look there.");
    CHECK(error.message == "cannot open '/nowhere': No such file or directory");
    CHECK(error.hint == "Look there.");
}

}  // namespace
}  // namespace polygon
