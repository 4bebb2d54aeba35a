#include "common/patroni/polygon_settings.h"
#include "tests/support/catch.h"
#include "tests/unit/patroni/folder.h"

namespace polygon::patroni {
namespace {

PasswordSource from_file(const std::filesystem::path& path) {
    return {.role = "app", .kind = PasswordSource::Kind::file, .location = path.string()};
}

const PasswordSource kFromVariable{
    .role = "app", .kind = PasswordSource::Kind::environment, .location = "APP_PASSWORD"};

TEST_CASE("a password is the first line of its file, without its end") {
    const Folder folder;
    CHECK(read_password(from_file(folder.write("a", "geheim\n")), {})->reveal() == "geheim");
    CHECK(read_password(from_file(folder.write("b", "geheim")), {})->reveal() == "geheim");
    CHECK(read_password(from_file(folder.write("c", " mit Blank \r\nsecond\n")), {})->reveal() == " mit Blank ");
}

TEST_CASE("a password is a variable of the environment that is given, not of ours") {
    CHECK(read_password(kFromVariable, {{"APP_PASSWORD", "geheim"}})->reveal() == "geheim");
    const auto failed = read_password(kFromVariable, {{"OTHER", "x"}});
    REQUIRE_FALSE(failed.has_value());
    CHECK(failed.error().code == Errc::secret_unreadable);
    CHECK(failed.error().message == "the password of role 'app' is not in the environment: 'APP_PASSWORD' is not set");
    CHECK(failed.error().hint == "Set the variable where Patroni is started.");
    CHECK_FALSE(read_password(kFromVariable, {{"APP_PASSWORD", ""}}).has_value());
}

TEST_CASE("a file that is empty, missing or a folder is an error that names role and file") {
    const Folder folder;
    const std::string empty = folder.write("empty", "\nsecond\n").string();
    const auto nothing = read_password(from_file(empty), {});
    REQUIRE_FALSE(nothing.has_value());
    CHECK(nothing.error().code == Errc::secret_unreadable);
    CHECK(nothing.error().message == "the password of role 'app' in '" + empty + "' is empty");
    CHECK(nothing.error().hint == "Write the password into the file's first line.");
    const std::string missing = (folder.path() / "missing").string();
    const auto gone = read_password(from_file(missing), {});
    REQUIRE_FALSE(gone.has_value());
    CHECK(gone.error().code == Errc::secret_unreadable);
    CHECK(gone.error().message ==
          "cannot read the password of role 'app' from '" + missing + "': No such file or directory");
    CHECK(gone.error().hint == "Let the file exist and be readable by the user that Patroni runs as.");
    CHECK(read_password(from_file(folder.path()), {}).error().message ==
          "cannot read the password of role 'app' from '" + folder.path().string() + "': Is a directory");
}

}  // namespace
}  // namespace polygon::patroni
