// Looks for secrets where none may be: in the arguments of processes, in logs and in data directories.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace polygon::support {

using Secrets = std::vector<std::string>;

// From its construction on: the arguments of all processes, some fifty times a second.
class ArgumentWatch {
  public:
    explicit ArgumentWatch(Secrets secrets);
    ArgumentWatch(const ArgumentWatch&) = delete;
    ArgumentWatch& operator=(const ArgumentWatch&) = delete;
    ~ArgumentWatch();

    // "psql --password=…" of each process that was seen with a secret, up to now.
    std::set<std::string> found() const;
    // Of all processes, up to now.
    std::size_t samples() const;

  private:
    void watch();
    void sample();

    const Secrets secrets_;
    mutable std::mutex mutex_;
    std::condition_variable wake_;
    bool is_over_ = false;
    std::size_t samples_ = 0;
    std::set<std::string> found_;
    std::thread thread_;
};

using LogSizes = std::map<std::filesystem::path, std::uintmax_t>;

// Of the logs (*.log) below a directory.
LogSizes measure_logs(const std::filesystem::path& directory);

// "FILE: LINE" of each line with a secret that has come to them since they were measured.
std::vector<std::string> find_in_logs(const std::filesystem::path& directory, const Secrets& secrets,
                                      const LogSizes& since = {});

// "FILE" of each file with a secret in a data directory, in its tablespaces and in a pg_wal elsewhere.
std::vector<std::string> find_in_data_directory(const std::filesystem::path& data_directory, const Secrets& secrets);

// Whether one of them is in it.
bool has_secret(std::string_view text, const Secrets& secrets);

}  // namespace polygon::support
