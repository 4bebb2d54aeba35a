#include "common/postgres/storage_format.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <optional>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>

#include "common/fs/file.h"
#include "common/process/child.h"
#include "common/process/environment.h"

namespace polygon::postgres {
namespace {

using namespace std::chrono_literals;

struct Field {
    std::uint32_t StorageFormat::*member;
    std::string_view name;
    std::string_view label;  // pg_resetwal's
};

constexpr std::array kFields = {
    Field{&StorageFormat::control_version, "control file version", "pg_control version number"},
    Field{&StorageFormat::catalog_version, "catalog version", "Catalog version number"},
    Field{&StorageFormat::alignment_bytes, "data alignment", "Maximum data alignment"},
    Field{&StorageFormat::block_bytes, "block size", "Database block size"},
    Field{&StorageFormat::blocks_per_segment, "blocks per segment", "Blocks per segment of large relation"},
    Field{&StorageFormat::wal_block_bytes, "WAL block size", "WAL block size"},
    Field{&StorageFormat::identifier_bytes, "length of identifiers", "Maximum length of identifiers"},
    Field{&StorageFormat::index_columns, "columns in an index", "Maximum columns in an index"},
    Field{&StorageFormat::toast_chunk_bytes, "TOAST chunk size", "Maximum size of a TOAST chunk"},
    Field{&StorageFormat::large_object_chunk_bytes, "large-object chunk size", "Size of a large-object chunk"},
    Field{&StorageFormat::float8_by_value, "float8 passed by value", "Float8 argument passing"},
};

// An empty data directory of the wanted version, gone with its owner.
class EmptyDataDirectory {
  public:
    static Result<EmptyDataDirectory> make(const std::filesystem::path& scratch, int major_version) {
        std::string name = (scratch / "polygon-format-XXXXXX").string();
        if (::mkdtemp(name.data()) == nullptr) {
            return errno_error(Errc::io, fmt::format("cannot create a directory in '{}'", scratch.string()), errno);
        }
        EmptyDataDirectory directory(name);
        for (const char* below : {"global", "pg_wal"}) {
            const std::filesystem::path path = directory.path_ / below;
            if (::mkdir(path.c_str(), 0700) != 0)
                return errno_error(Errc::io, fmt::format("cannot create '{}'", path.string()), errno);
        }
        TRY(fs::write_file_durably(directory.path_ / "PG_VERSION", fmt::format("{}\n", major_version)));
        TRY(fs::write_file_durably(directory.path_ / "global/pg_control", ""));
        return directory;
    }
    EmptyDataDirectory(EmptyDataDirectory&& other) noexcept : path_(std::exchange(other.path_, {})) {}
    EmptyDataDirectory& operator=(EmptyDataDirectory&&) = delete;
    ~EmptyDataDirectory() {
        if (!path_.empty()) (void)fs::remove_tree(path_);
    }
    const std::filesystem::path& path() const { return path_; }

  private:
    explicit EmptyDataDirectory(std::filesystem::path path) : path_(std::move(path)) {}
    std::filesystem::path path_;
};

// What stands behind "<label>:" in a line of its own.
std::optional<std::uint32_t> find_value(std::string_view output, std::string_view label) {
    const std::string wanted = fmt::format("\n{}:", label);
    const std::size_t at = output.find(wanted);
    if (at == std::string_view::npos) return std::nullopt;
    std::string_view text = output.substr(at + wanted.size());
    text = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
    if (text == "by value") return 1;
    if (text == "by reference") return 0;
    std::uint32_t number = 0;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
    if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) return std::nullopt;
    return number;
}

}  // namespace

// With a control file that is none, pg_resetwal -n prints the values that it would write, which are those that it was
// built with, and ends (PostgreSQL src/bin/pg_resetwal/pg_resetwal.c, GuessControlValues). `postgres -C block_size`
// would say some of them, but neither the catalog version nor the alignment.
Result<StorageFormat> read_storage_format(const Binaries& binaries, const std::filesystem::path& scratch,
                                          Clock& clock) {
    const EmptyDataDirectory directory = TRY(EmptyDataDirectory::make(scratch, binaries.major_version));
    process::Environment environment = process::own_environment();
    environment["LC_ALL"] = "C";
    const auto finished = TRY(process::run_checked(
        {.argv = {binaries.program("pg_resetwal"), "-n", "-D", directory.path().string()}, .environment = environment},
        clock, Deadline(clock, 60s)));
    StorageFormat format;
    for (const Field& field : kFields) {
        const auto value = find_value(finished.out, field.label);
        if (!value) {
            return Error{Errc::process_failed,
                         fmt::format("'{} -n' does not say '{}'", binaries.program("pg_resetwal"), field.label),
                         "Is it PostgreSQL's own, of version 13 to 18?"};
        }
        format.*field.member = *value;
    }
    return format;
}

std::vector<std::string> find_differences(const StorageFormat& data, const StorageFormat& programs) {
    std::vector<std::string> differences;
    for (const Field& field : kFields) {
        if (data.*field.member == programs.*field.member) continue;
        differences.push_back(fmt::format("{} {} and not {}", field.name, data.*field.member, programs.*field.member));
    }
    return differences;
}

Status require_same_format(const Binaries& binaries, const std::filesystem::path& data_directory, Clock& clock) {
    const ControlFile control = TRY(read_control_file(data_directory));
    const StorageFormat programs = TRY(read_storage_format(binaries, data_directory, clock));
    const std::vector<std::string> differences = find_differences(control.format, programs);
    if (differences.empty()) return {};
    return Error{
        Errc::version_mismatch,
        fmt::format("data directory '{}' is not for the programs in '{}': it has {}", data_directory.string(),
                    binaries.directory.empty() ? "PATH" : binaries.directory.string(), fmt::join(differences, ", ")),
        "Point postgresql.bin_dir at programs that are built as production's are (pg_config --configure, "
        "pg_controldata)."};
}

}  // namespace polygon::postgres
