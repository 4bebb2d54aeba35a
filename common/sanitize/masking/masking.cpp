#include "common/sanitize/masking/masking.h"

#include <algorithm>
#include <thread>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "common/base/log.h"
#include "common/base/suggestion.h"
#include "common/sanitize/masking/traces.h"
#include "common/sanitize/statistics.h"
#include "common/sanitize/ties/event_triggers.h"

namespace polygon::sanitize {
namespace {

using namespace std::chrono_literals;
using postgres::Connection;
using postgres::Row;

constexpr const char* kAdministrative = "postgres";
constexpr int kFirstWithoutEventTriggers = 17;  // event_triggers = off, of a session
constexpr auto kPollInterval = 20ms;

// The name that a file's database has now: as it stands there, else as production's is called here.
std::string current_name(const std::string& name, const Lines& names,
                         const std::map<std::string, std::string>& renamed) {
    if (std::find(names.begin(), names.end(), name) != names.end()) return name;
    const auto other = renamed.find(name);
    return other == renamed.end() ? name : other->second;
}

Error no_such_database(const SqlFile& file, const Lines& names) {
    const auto nearest = nearest_name(*file.database, names);
    return {Errc::configuration,
            fmt::format("'{}' is for database '{}', which is not there; there are: {}", file.path.string(),
                        *file.database, fmt::join(names, ", ")),
            nearest ? fmt::format("Did you mean '{}'?", *nearest) : "Correct its first line; no file was run."};
}

// One database and what is run in it. While it is at work the database allows connections and no event trigger fires.
class Lane {
  public:
    Lane(const Masking& masking, Database database, std::vector<SqlFile> files)
        : masking_(&masking), database_(std::move(database)), files_(std::move(files)) {}

    Status begin(Connection& administrative) {
        has_begun_ = true;
        if (!database_.is_open) TRY(set_connections(administrative, database_.name, Connections::allowed));
        if (masking_->session.binaries.major_version >= kFirstWithoutEventTriggers) return {};
        Connection session = TRY(masking_->connect_to(database_.bytes));
        triggers_ = TRY(silence_event_triggers(session));
        return {};
    }

    // Starts the next file, or looks whether the one that runs has ended.
    Status advance(Clock& clock) {
        if (!run_) return start_next(clock);
        const std::optional<Status> ended = run_->poll();
        if (!ended) return {};
        if (!*ended) return *ended;
        const double seconds = std::chrono::duration<double>(clock.now() - started_).count();
        const std::string name = run_->file().name();
        log_info("SQL run",
                 {{"file", name}, {"database", database_.name}, {"seconds", fmt::format("{:.1f}", seconds)}});
        masked_.runs.push_back(fmt::format("{} in {}, {:.1f} s", name, database_.name, seconds));
        const ChangedTables changed = TRY(run_->changed_tables());
        tables_.changed.insert(changed.changed.begin(), changed.changed.end());
        tables_.with_old_rows.insert(changed.with_old_rows.begin(), changed.with_old_rows.end());
        run_.reset();
        return is_done() ? Status() : start_next(clock);
    }

    // When all files have been run. The values of before are in more places than the rows.
    Status clean(const Deadline& deadline) {
        Connection session = TRY(masking_->connect_to(database_.bytes));
        TRY(session.limit_statements(deadline.remaining()));
        TRY(use_own_search_path(session));
        const auto of_this = [&](Lines names) {
            for (std::string& name : names)
                name += " of database " + database_.name;
            return names;
        };
        TRY(in_context(renew_statistics(session, tables_.changed), "database " + database_.name));
        masked_.unrefreshed = of_this(TRY(list_unrefreshed(session, tables_.changed)));
        if (masking_->old_rows == OldRows::left) {
            masked_.old_rows = of_this(TRY(list_tables(session, tables_.with_old_rows)));
            return {};
        }
        return in_context(rewrite_tables(session, tables_.with_old_rows), "database " + database_.name);
    }

    // As it was before begin(); a repeat does nothing. Kills a psql that still runs.
    Status end(Connection& administrative) {
        run_.reset();
        if (!std::exchange(has_begun_, false)) return {};
        if (!triggers_.empty()) {
            Connection session = TRY(masking_->connect_to(database_.bytes));
            TRY(restore_event_triggers(session, triggers_));
        }
        if (database_.is_open) return {};
        return set_connections(administrative, database_.name, Connections::refused);
    }

    bool is_done() const { return !run_ && next_ == files_.size(); }
    void kill() { run_.reset(); }
    const Masked& masked() const { return masked_; }
    std::string describe() const { return fmt::format("'{}' in database '{}'", run_->file().name(), database_.name); }
    bool is_running() const { return run_.has_value(); }

  private:
    Status start_next(Clock& clock) {
        const SqlFile& file = files_[next_++];
        log_info("running SQL", {{"file", file.name()}, {"database", database_.name}});
        started_ = clock.now();
        run_.emplace(TRY(PsqlRun::start(masking_->session, file, database_)));
        return {};
    }

    const Masking* masking_;
    Database database_;
    std::vector<SqlFile> files_;
    std::size_t next_ = 0;
    bool has_begun_ = false;
    std::vector<Row> triggers_;
    std::optional<PsqlRun> run_;
    Clock::Instant started_;
    ChangedTables tables_;
    Masked masked_;
};

using Lanes = std::vector<Lane>;

Result<Lanes> make_lanes(const Masking& masking, Connection& administrative) {
    const std::vector<Database> databases = TRY(read_databases(administrative));
    Lines names;
    for (const Database& database : databases)
        names.push_back(database.name);
    std::map<std::string, std::vector<SqlFile>> files;
    for (const SqlFile& file : masking.files) {
        const std::string wanted = file.database ? current_name(*file.database, names, masking.renamed) : "";
        if (file.database && std::find(names.begin(), names.end(), wanted) == names.end())
            return no_such_database(file, names);
        for (const Database& database : databases) {
            if (file.database ? database.name == wanted : !database.is_template) files[database.name].push_back(file);
        }
    }
    Lanes lanes;
    for (const Database& database : databases) {
        if (files.contains(database.name)) {
            lanes.emplace_back(masking, database, files[database.name]);
        } else if (database.is_template && database.name != "template1") {
            log_warning("a template is masked only by files that name it", {{"database", database.name}});
        }
    }
    return lanes;
}

std::size_t most_at_a_time() {
    return std::clamp<std::size_t>(std::thread::hardware_concurrency(), 2, 8);
}

Error timed_out(const std::vector<Lane*>& active) {
    Lines running;
    for (const Lane* lane : active) {
        if (lane->is_running()) running.push_back(lane->describe());
    }
    return {Errc::timeout, fmt::format("masking was not done in time: {} still ran", fmt::join(running, ", ")),
            "Raise quarantine.timeout, or make the SQL do less."};
}

// One thread, so that psql's death signal is this process's and not a thread's.
Status run_lanes(Lanes& lanes, Connection& administrative, Clock& clock, const Deadline& deadline) {
    std::vector<Lane*> active;
    for (std::size_t next = 0; next < lanes.size() || !active.empty();) {
        while (active.size() < most_at_a_time() && next < lanes.size()) {
            TRY(lanes[next].begin(administrative));
            active.push_back(&lanes[next++]);
        }
        for (Lane* lane : active) {
            TRY(lane->advance(clock));
            if (!lane->is_done()) continue;
            TRY(lane->clean(deadline));
            TRY(lane->end(administrative));
        }
        std::erase_if(active, [](const Lane* lane) { return lane->is_done(); });
        if (active.empty()) continue;
        if (deadline.has_passed()) return timed_out(active);
        clock.sleep(kPollInterval);
    }
    return {};
}

// A server notices late that its client is dead; until then its statement holds locks.
void end_sessions(Lanes& lanes, Connection& administrative, Clock& clock) {
    for (Lane& lane : lanes)
        lane.kill();
    (void)wait_until(clock, Deadline(clock, 10s), kPollInterval, [&] {
        const auto left = administrative.query(
            "SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity WHERE application_name = $1",
            {psql_application_name()});
        return !left || left->empty();
    });
}

Status end_lanes(Lanes& lanes, Connection& administrative) {
    Status first;
    for (Lane& lane : lanes) {
        Status ended = lane.end(administrative);
        if (first && !ended) first = std::move(ended);
    }
    return first;
}

}  // namespace

Result<Masked> run_sql(const Masking& masking, Clock& clock, const Deadline& deadline) {
    Connection administrative = TRY(masking.connect_to(kAdministrative));
    Lanes lanes = TRY(make_lanes(masking, administrative));
    const Status done = run_lanes(lanes, administrative, clock, deadline);
    if (!done) {
        end_sessions(lanes, administrative, clock);
        // What failed first is what is told.
        (void)end_lanes(lanes, administrative);
        return done.error();
    }
    Masked all;
    for (const Lane& lane : lanes) {
        const Masked& masked = lane.masked();
        all.runs.insert(all.runs.end(), masked.runs.begin(), masked.runs.end());
        all.old_rows.insert(all.old_rows.end(), masked.old_rows.begin(), masked.old_rows.end());
        all.unrefreshed.insert(all.unrefreshed.end(), masked.unrefreshed.begin(), masked.unrefreshed.end());
    }
    return all;
}

void record(Masked masked, postgres::GenerationMarker& marker) {
    for (const std::string& line : masked.old_rows)
        log_warning("old row versions are left in " + line, {{"next", "set polygon.masking.rewrite: true"}});
    for (const std::string& line : masked.unrefreshed)
        log_warning("not refreshed by any file: " + line);
    marker.sql = std::move(masked.runs);
    marker.old_rows = std::move(masked.old_rows);
    marker.unrefreshed = std::move(masked.unrefreshed);
}

}  // namespace polygon::sanitize
