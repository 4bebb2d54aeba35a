#include "tests/support/workspace.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <fstream>
#include <system_error>

#include <fmt/format.h>
#include <sys/stat.h>

#include "common/fs/file.h"
#include "common/process/environment.h"
#include "tests/support/processes.h"

namespace polygon::support {
namespace {

namespace stdfs = std::filesystem;

constexpr std::size_t kTailLines = 60;
constexpr const char* kPrograms[] = {"polygon-bootstrap", "polygon-post-bootstrap", "polygon-role-change",
                                     "polygon-entrypoint", "polygon-rebuild"};

Error copy_error(const stdfs::path& what, const std::error_code& error) {
    return Error{Errc::io, fmt::format("cannot copy '{}': {}", what.string(), error.message())};
}

int major_version(const stdfs::path& directory) {
    return std::atoi(directory.filename().c_str());
}

Result<stdfs::path> find_postgres() {
    stdfs::path newest;
    std::error_code error;
    for (const auto& entry : stdfs::directory_iterator("/usr/lib/postgresql", error)) {
        if (stdfs::exists(entry.path() / "bin/initdb") && major_version(entry.path()) > major_version(newest)) {
            newest = entry.path();
        }
    }
    if (newest.empty()) {
        return Error{Errc::configuration, "no PostgreSQL server under /usr/lib/postgresql",
                     "Install the package postgresql."};
    }
    return newest / "bin";
}

void print_tail(const stdfs::path& log) {
    std::ifstream file(log);
    std::deque<std::string> lines;
    for (std::string line; std::getline(file, line);) {
        lines.push_back(line);
        if (lines.size() > kTailLines) lines.pop_front();
    }
    fmt::print(stderr, "--- {}\n", log.string());
    for (const std::string& line : lines)
        fmt::print(stderr, "{}\n", line);
}

}  // namespace

Result<std::unique_ptr<Workspace>> Workspace::make(Lifetime lifetime) {
    const Account account = TRY(Account::choose());
    stdfs::path postgres_bin = TRY(find_postgres());
    const char* temporary = std::getenv("TMPDIR");
    std::string pattern =
        fmt::format("{}/polygon.XXXXXX", temporary != nullptr && *temporary != '\0' ? temporary : "/tmp");
    if (mkdtemp(pattern.data()) == nullptr)
        return errno_error(Errc::io, fmt::format("cannot make '{}'", pattern), errno);
    std::unique_ptr<Workspace> workspace(new Workspace(pattern, account, lifetime, std::move(postgres_bin)));
    TRY(account.give(pattern));
    if (chmod(pattern.c_str(), 0755) != 0)
        return errno_error(Errc::io, fmt::format("cannot open '{}'", pattern), errno);
    return workspace;
}

Workspace::Workspace(stdfs::path path, Account account, Lifetime lifetime, stdfs::path postgres_bin)
    : path_(std::move(path)), account_(account), lifetime_(lifetime), postgres_bin_(std::move(postgres_bin)) {}

Workspace::~Workspace() {
    if (is_kept_ && lifetime_ == Lifetime::outlives_us) return;
    kill_processes_in(path_);
    std::error_code ignored;
    if (!is_kept_) stdfs::remove_all(path_, ignored);
}

stdfs::path Workspace::patroni_config(const std::string& which) const {
    return path_ / "patroni-configs" / which / "patroni.yml";
}

Result<stdfs::path> Workspace::make_directory(const stdfs::path& below) {
    stdfs::path made = path_;
    for (const stdfs::path& part : below) {
        made /= part;
        if (mkdir(made.c_str(), 0700) == 0) {
            TRY(account_.give(made));
        } else if (errno != EEXIST) {
            return errno_error(Errc::io, fmt::format("cannot make '{}'", made.string()), errno);
        }
    }
    return made;
}

Status Workspace::install(const stdfs::path& programs) {
    std::error_code error;
    const stdfs::path configs = stdfs::path(POLYGON_SOURCE_ROOT) / "patroni-configs";
    stdfs::copy(configs, path_ / "patroni-configs", stdfs::copy_options::recursive, error);
    if (error) return copy_error(configs, error);
    const stdfs::path own = stdfs::read_symlink("/proc/self/exe", error).parent_path();
    const stdfs::path& built = programs.empty() ? own : programs;
    TRY(make_directory("bin"));
    for (const char* program : kPrograms) {
        if (!stdfs::exists(built / program)) continue;
        stdfs::copy_file(built / program, bin() / program, error);
        if (error) return copy_error(built / program, error);
    }
    for (const stdfs::path& more :
         {stdfs::path(POLYGON_SOURCE_ROOT) / "tests/support/restarted.sh", own / "libfull_disk.so"}) {
        if (!stdfs::exists(more)) continue;
        stdfs::copy_file(more, bin() / more.filename(), error);
        if (error) return copy_error(more, error);
    }
    TRY(account_.give(bin()));
    return account_.give(path_ / "patroni-configs");
}

process::Environment Workspace::environment(const stdfs::path& home) const {
    process::Environment environment = {
        {"PATH", fmt::format("{}:{}:/usr/local/bin:/usr/bin:/bin", bin().string(), postgres_bin_.string())},
        {"HOME", home.string()},
        {"LANG", "C.UTF-8"},
        {"LC_ALL", "C.UTF-8"}};
    for (const auto& [name, value] : process::own_environment()) {
        if (name.ends_with("SAN_OPTIONS")) environment.emplace(name, value);
    }
    return environment;
}

process::Command Workspace::server(const ServerCommand& server) const {
    process::Command command;
    command.argv = account_.as_account(server.argv);
    command.argv.insert(command.argv.begin(), "setsid");
    command.environment = server.environment;
    command.directory = server.directory;
    command.output_file = server.log;
    command.death_signal = lifetime_ == Lifetime::ends_with_us ? SIGTERM : 0;
    return command;
}

process::Command Workspace::tool(std::vector<std::string> argv, process::Environment environment) const {
    process::Command command;
    command.argv = account_.as_account(std::move(argv));
    command.environment = std::move(environment);
    command.directory = path_;
    return command;
}

void Workspace::print_log_tails() const {
    std::vector<stdfs::path> logs;
    std::error_code ignored;
    constexpr auto kOptions = stdfs::directory_options::skip_permission_denied;
    for (const auto& entry : stdfs::recursive_directory_iterator(path_, kOptions, ignored)) {
        if (entry.path().extension() == ".log") logs.push_back(entry.path());
    }
    std::sort(logs.begin(), logs.end());
    for (const stdfs::path& log : logs)
        print_tail(log);
}

}  // namespace polygon::support
