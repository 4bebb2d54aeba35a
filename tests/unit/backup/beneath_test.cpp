#include "common/backup/output/beneath.h"

#include <cerrno>
#include <cstdlib>
#include <filesystem>

#include <fcntl.h>
#include <sys/stat.h>

#include "common/fs/file.h"
#include "tests/support/require.h"
#include "tests/unit/backup/archive_builder.h"

namespace polygon::backup::test {
namespace {

// In each way that this kernel has.
std::vector<Resolution> ways() {
    if (available_resolution() == Resolution::by_component) return {Resolution::by_component};
    return {Resolution::kernel, Resolution::by_component};
}

TEST_CASE("opens directories and creates files beneath the root") {
    const TemporaryDirectory directory;
    std::filesystem::create_directories(directory / "root/base/5");
    const fs::Fd root = support::require(fs::open_file(directory / "root", O_RDONLY | O_DIRECTORY));
    for (const Resolution way : ways()) {
        const fs::Fd opened = open_directory_beneath(root, "base/5", way);
        REQUIRE(opened.is_open());
        const std::string name = way == Resolution::kernel ? "a" : "b";
        REQUIRE(create_file_beneath(opened.get(), name, 0600, way).is_open());
        struct stat status = {};
        REQUIRE(::stat((directory / "root/base/5" / name).c_str(), &status) == 0);
        CHECK((status.st_mode & 07777) == 0600);
        CHECK_FALSE(create_file_beneath(opened.get(), name, 0600, way).is_open());
        CHECK(errno == EEXIST);
        CHECK_FALSE(open_directory_beneath(root, "base/6", way).is_open());
        CHECK(errno == ENOENT);
    }
}

TEST_CASE("neither a link nor a name leads out of the root") {
    const TemporaryDirectory directory;
    std::filesystem::create_directories(directory / "root/base");
    std::filesystem::create_directories(directory / "outside/inner");
    std::filesystem::create_directory_symlink(directory / "outside", directory / "root/absolute");
    std::filesystem::create_directory_symlink("../outside", directory / "root/relative");
    std::filesystem::create_directory_symlink("base", directory / "root/within");
    std::filesystem::create_symlink(directory / "outside/new", directory / "root/base/file");
    const fs::Fd root = support::require(fs::open_file(directory / "root", O_RDONLY | O_DIRECTORY));
    for (const Resolution way : ways()) {
        for (const char* path : {"absolute", "relative", "within", "absolute/inner", "relative/inner"}) {
            INFO(path);
            CHECK_FALSE(open_directory_beneath(root, path, way).is_open());
            CHECK((errno == ELOOP || errno == ENOTDIR));
        }
        CHECK_FALSE(open_directory_beneath(root, "base/../../outside", way).is_open());
        CHECK(errno == EXDEV);
        const fs::Fd base = open_directory_beneath(root, "base", way);
        REQUIRE(base.is_open());
        CHECK_FALSE(create_file_beneath(base.get(), "file", 0600, way).is_open());
        CHECK(errno == EEXIST);
    }
    CHECK_FALSE(std::filesystem::exists(directory / "outside/new"));
}

// tests/support/without_openat2.cpp sets the variable for the run in which the kernel refuses the call.
TEST_CASE("the way by components is taken where openat2 is refused") {
    if (std::getenv("POLYGON_TEST_WITHOUT_OPENAT2") == nullptr) {
        SUCCEED("the kernel's way or not, as the kernel has it");
    } else {
        CHECK(available_resolution() == Resolution::by_component);
    }
}

}  // namespace
}  // namespace polygon::backup::test
