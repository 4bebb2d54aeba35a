// An operator's desk: a configuration, and the program, while the nodes of the polygon are played.
#pragma once

#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/fs/file.h"
#include "common/process/child.h"
#include "tests/integration/etcd/server.h"
#include "tests/integration/rebuild/played_polygon.h"
#include "tests/support/catch.h"
#include "tests/support/require.h"
#include "tests/support/scratch.h"

namespace polygon::rebuild {

using namespace std::chrono_literals;

inline constexpr auto kLongest = 90s;

struct Ended {
    int status = 0;
    std::string text;  // stdout and stderr
};

class Desk {
  public:
    Desk() : polygon_(server().url()) {
        polygon_.begin();
        write_configuration("polygon:\n  source:\n    directory: /backups\n");
    }

    void write_configuration(const std::string& section) {
        std::ofstream(configuration()) << "scope: polygon\nname: polygon1\netcd3:\n  hosts: "
                                       << server().url().substr(std::string("http://").size())
                                       << "\npostgresql:\n  data_dir: /nowhere\n  listen: 127.0.0.1:1\n"
                                       << section;
    }

    std::vector<std::string> command(std::vector<std::string> arguments) const {
        const auto program = std::filesystem::read_symlink("/proc/self/exe").parent_path() / "polygon-rebuild";
        arguments.insert(arguments.begin(), program.string());
        arguments.insert(arguments.end(), {"--config", configuration().string()});
        return arguments;
    }
    process::Child start(std::vector<std::string> arguments) {
        std::filesystem::remove(output());
        return support::require(
            process::Child::start({.argv = command(std::move(arguments)), .output_file = output()}));
    }

    // The agents work meanwhile, until the program ends or `until` is true.
    template <class Condition>
    std::optional<int> play(process::Child& child, Condition&& until) {
        std::optional<int> status;
        const bool has_come = wait_until(system_clock(), Deadline(system_clock(), kLongest), 20ms, [&] {
            polygon_.step();
            status = child.poll();
            return status.has_value() || until();
        });
        REQUIRE(has_come);
        return status;
    }
    Ended finish(process::Child& child) {
        const auto status = play(child, [] { return false; });
        return {*status, text()};
    }
    Ended run(std::vector<std::string> arguments) {
        process::Child child = start(std::move(arguments));
        return finish(child);
    }

    std::string text() { return fs::read_file(output()).value_or(""); }
    std::filesystem::path configuration() const { return scratch_.path() / "patroni.yml"; }
    std::filesystem::path output() const { return scratch_.path() / "output"; }
    std::filesystem::path metrics() const { return scratch_.path() / "metrics"; }
    PlayedPolygon& polygon() { return polygon_; }

  private:
    static const etcd::Server& server() {
        static const etcd::Server shared;
        return shared;
    }

    support::Scratch scratch_;
    PlayedPolygon polygon_;
};

}  // namespace polygon::rebuild
