#include "bootstrap/restore/sources/live_server.h"

#include <atomic>
#include <cerrno>
#include <charconv>

#include <fmt/format.h>
#include <sys/stat.h>

#include "bootstrap/restore/sources/arriving_files.h"
#include "bootstrap/restore/sources/followed_program.h"
#include "bootstrap/restore/sources/incoming.h"
#include "bootstrap/restore/sources/wal_records.h"
#include "common/base/log.h"
#include "common/postgres/connection.h"
#include "common/process/environment.h"

namespace polygon::bootstrap {
namespace {

constexpr int kFirstWithServerCompression = 15;

// A role for replication is often let in to no database; then the replication protocol tells the tablespaces.
Result<postgres::Rows> ask_tablespaces(const postgres::Conninfo& conninfo, postgres::Connection& session) {
    postgres::ConnectionParameters parameters{.keywords = conninfo.keywords, .password = conninfo.password};
    parameters.keywords.emplace("dbname", "postgres");
    if (Result<postgres::Connection> database = postgres::Connection::open(parameters)) {
        return database->query("SELECT oid, pg_catalog.pg_tablespace_location(oid) FROM pg_catalog.pg_tablespace");
    }
    log_info("no database lets the role in: its tablespaces are asked for by the replication protocol");
    return session.tablespaces_of_base_backup();
}

Result<std::map<std::string, LiveTablespace>> place_tablespaces(const postgres::Rows& rows, const std::string& server,
                                                                const patroni::TextMap& tablespaces) {
    std::map<std::string, LiveTablespace> placed;
    for (const postgres::Row& row : rows) {
        const std::string location = row.at(1).value_or("");
        if (!location.starts_with('/')) continue;  // one of the two standard ones, or in place
        const auto here = tablespaces.find(location);
        if (here == tablespaces.end()) {
            return Error{Errc::configuration,
                         fmt::format("tablespace '{}' of the server '{}' has no place here", location, server),
                         fmt::format("Add \"tablespaces: {{{}: /where/here}}\" to the polygon section.", location)};
        }
        placed[row.at(0).value_or("")] = {location, here->second + postgres::kStagedSuffix};
    }
    return placed;
}

Result<postgres::Connection> open_replication(const postgres::Conninfo& conninfo) {
    postgres::ConnectionParameters parameters{.keywords = conninfo.keywords, .password = conninfo.password};
    parameters.keywords["replication"] = "true";
    Result<postgres::Connection> session = postgres::Connection::open(parameters);
    if (!session) {
        session.error().hint =
            "The role needs REPLICATION, a line 'host replication …' in pg_hba.conf, and its password in the "
            "connection string, PGPASSWORD or a passfile.";
    }
    return session;
}

std::string compression_of(patroni::WireCompression compression) {
    switch (compression) {
        case patroni::WireCompression::none:
            return "none";
        case patroni::WireCompression::gzip:
            return "server-gzip";
        case patroni::WireCompression::lz4:
            return "server-lz4";
        case patroni::WireCompression::zstd:
            return "server-zstd";
    }
    return "none";
}

process::Environment environment_of(const LiveServer& server) {
    process::Environment environment = process::own_environment();
    environment["LC_ALL"] = "C";  // its progress is read
    if (!server.conninfo.password.is_empty()) environment["PGPASSWORD"] = server.conninfo.password.reveal();
    return environment;
}

Status run_basebackup(const LiveServer& server, std::vector<std::string> argv, const fs::Path& output,
                      Progress& progress, Clock& clock) {
    progress.enter("restore", "taking the backup");
    const auto on_line = [&](const std::string& line) {
        if (const auto done = parse_progress(line)) {
            progress.report(*done);
            return Said::progress;
        }
        log_info(line);
        return Said::message;
    };
    return run_followed(
        {.command = {.argv = std::move(argv), .environment = environment_of(server), .output_file = output},
         .name = fmt::format("pg_basebackup from '{}'", server.conninfo.server()),
         .on_line = on_line},
        clock);
}

// All that pg_basebackup fills, there before it starts, to be watched from the first file on.
Result<std::vector<fs::Path>> make_roots(const LiveServer& server, const fs::Path& incoming) {
    std::vector<fs::Path> roots = {incoming};
    for (const auto& [oid, tablespace] : server.tablespaces) {
        const fs::Path& path = tablespace.staged_path;
        std::error_code error;
        std::filesystem::create_directories(path.parent_path(), error);
        if (error || (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)) {
            return errno_error(Errc::io, fmt::format("cannot create '{}'", path.string()),
                               error ? error.value() : errno);
        }
        roots.push_back(path);
    }
    return roots;
}

Result<backup::Backup> verify(const fs::Path& incoming, const std::string& label, const ArrivingFiles& arrived,
                              const postgres::Binaries& binaries, Progress& progress, Clock& clock) {
    backup::Backup backup = TRY(backup::open_backup(incoming));
    backup.label = label;
    progress.enter("check", "comparing with the manifest");
    std::atomic<std::uint64_t> known_files = 0;
    const auto know = [&](const fs::Path& file, backup::ChecksumAlgorithm algorithm) {
        auto checksum = arrived.checksum_of(file, algorithm);
        known_files += checksum ? 1 : 0;
        return checksum;
    };
    const backup::Restored checked =
        TRY(backup::check({.backup = backup,
                           .on_progress = [&](const backup::Progress& now) { progress.report(now); },
                           .on_problem = [](const std::string& problem) { log_warning(problem); },
                           .known_checksum = know},
                          clock));
    TRY(check_wal_with(binaries, backup.manifest, clock)(incoming / "pg_wal"));
    progress.complete();
    log_info("the backup is what its manifest says",
             {{"files", checked.files}, {"bytes", checked.bytes}, {"files_read_on_arrival", known_files.load()}});
    return backup;
}

}  // namespace

Result<LiveServer> ask_server(const patroni::Source& source, const patroni::TextMap& tablespaces) {
    LiveServer server{.conninfo = TRY(postgres::parse_conninfo(source.value, source.origin)),
                      .max_rate = source.max_rate.value,
                      .compression = source.compression.value};
    if (!server.conninfo.password.is_empty() && source.origin.starts_with("--set")) {
        return Error{Errc::configuration, "a password on the command line (--set source.connection) is seen in ps",
                     "Give it in POLYGON_SOURCE_CONNECTION, PGPASSWORD or a passfile."};
    }
    server.conninfo.keywords.emplace("application_name", "pg-polygon");
    postgres::Connection session = TRY(open_replication(server.conninfo));
    server.major_version = session.server_major_version();
    if (server.compression != patroni::WireCompression::none && server.major_version < kFirstWithServerCompression) {
        return Error{Errc::configuration,
                     fmt::format("polygon.source.compression ({}): PostgreSQL {} on '{}' cannot compress what it sends",
                                 source.compression.origin, server.major_version, server.conninfo.server()),
                     "It came with PostgreSQL 15; take it out."};
    }
    server.tablespaces =
        TRY(place_tablespaces(TRY(ask_tablespaces(server.conninfo, session)), server.conninfo.server(), tablespaces));
    return server;
}

std::vector<std::string> basebackup_argv(const LiveServer& server, const postgres::Binaries& binaries,
                                         const fs::Path& directory, const std::string& label) {
    std::vector<std::string> argv = {binaries.program("pg_basebackup"),
                                     "--dbname=" + server.conninfo.text(),
                                     "--no-password",
                                     "--pgdata=" + directory.string(),
                                     "--format=plain",
                                     "--wal-method=stream",
                                     "--checkpoint=fast",
                                     "--label=" + label,
                                     "--manifest-checksums=CRC32C",
                                     "--no-sync",  // one syncfs follows, once all of it is verified
                                     "--progress"};
    if (server.max_rate) argv.push_back("--max-rate=" + *server.max_rate);
    if (server.compression != patroni::WireCompression::none)
        argv.push_back("--compress=" + compression_of(server.compression));
    for (const auto& [oid, tablespace] : server.tablespaces)
        argv.push_back(tablespace_option(tablespace.production_path, tablespace.staged_path));
    return argv;
}

std::optional<backup::Progress> parse_progress(const std::string& line) {
    const char* end = line.data() + line.size();
    const char* at = line.data() + std::min(line.find_first_not_of(' '), line.size());
    std::uint64_t done = 0;
    std::uint64_t total = 0;
    const auto first = std::from_chars(at, end, done);
    if (first.ec != std::errc() || first.ptr == end || *first.ptr != '/') return std::nullopt;
    const auto second = std::from_chars(first.ptr + 1, end, total);
    const std::string_view rest(second.ptr, static_cast<std::size_t>(end - second.ptr));
    if (second.ec != std::errc() || !rest.starts_with(" kB (")) return std::nullopt;
    return backup::Progress{.bytes_done = done * 1024, .bytes_total = total * 1024};
}

Result<TakenBackup> take_backup(const LiveServer& server, const postgres::Binaries& binaries,
                                const postgres::Places& places, const fs::Path& incoming, const std::string& label,
                                Progress& progress, Clock& clock) {
    std::map<std::string, fs::Path> reserved;
    std::set<fs::Path> allowed;
    for (const auto& [oid, tablespace] : server.tablespaces) {
        reserved[oid] = tablespace.staged_path;
        allowed.insert(tablespace.staged_path.lexically_normal());
    }
    TRY(reserve_tablespaces(places, reserved));
    ArrivingFiles arriving(TRY(make_roots(server, incoming)), backup::ChecksumAlgorithm::crc32c);
    TRY(run_basebackup(server, basebackup_argv(server, binaries, incoming, label), places.staged / "pg_basebackup.log",
                       progress, clock));
    arriving.finish();
    TRY(check_entries(incoming, allowed, {}));  // it brings no other links
    const backup::Backup backup = TRY(verify(incoming, label, arriving, binaries, progress, clock));
    return TakenBackup{.time = backup.manifest.last_modified, .end_lsn = backup.manifest.end_lsn()};
}

}  // namespace polygon::bootstrap
