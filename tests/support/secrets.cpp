#include "tests/support/secrets.h"

#include <algorithm>
#include <chrono>
#include <fstream>
#include <system_error>

#include <fmt/format.h>

#include "common/fs/file.h"

namespace polygon::support {
namespace {

using namespace std::chrono_literals;
namespace stdfs = std::filesystem;

constexpr auto kInterval = 20ms;

bool is_number(const std::string& name) {
    return name.find_first_not_of("0123456789") == std::string::npos;
}

}  // namespace

bool has_secret(std::string_view text, const Secrets& secrets) {
    return std::any_of(secrets.begin(), secrets.end(),
                       [&](const std::string& secret) { return text.find(secret) != std::string_view::npos; });
}

ArgumentWatch::ArgumentWatch(Secrets secrets) : secrets_(std::move(secrets)), thread_([this] { watch(); }) {}

ArgumentWatch::~ArgumentWatch() {
    {
        const std::lock_guard lock(mutex_);
        is_over_ = true;
    }
    wake_.notify_all();
    thread_.join();
}

void ArgumentWatch::watch() {
    std::unique_lock lock(mutex_);
    while (!wake_.wait_for(lock, kInterval, [this] { return is_over_; })) {
        sample();
        ++samples_;
    }
}

void ArgumentWatch::sample() {
    std::error_code error;
    for (stdfs::directory_iterator entry("/proc", error), end; !error && entry != end; entry.increment(error)) {
        if (!is_number(entry->path().filename().string())) continue;
        std::string line = fs::read_file(entry->path() / "cmdline").value_or("");  // it may have ended
        std::replace(line.begin(), line.end(), '\0', ' ');
        if (has_secret(line, secrets_)) found_.insert(line);
    }
}

std::set<std::string> ArgumentWatch::found() const {
    const std::lock_guard lock(mutex_);
    return found_;
}

std::size_t ArgumentWatch::samples() const {
    const std::lock_guard lock(mutex_);
    return samples_;
}

LogSizes measure_logs(const stdfs::path& directory) {
    LogSizes sizes;
    std::error_code error;
    constexpr auto kOptions = stdfs::directory_options::skip_permission_denied;
    // Files come and go meanwhile.
    for (stdfs::recursive_directory_iterator entry(directory, kOptions, error), end; !error && entry != end;
         entry.increment(error)) {
        // What is in a data directory is renamed and removed while this looks; its server's log is not in it.
        if (entry->path().filename().string().starts_with("data")) entry.disable_recursion_pending();
        std::error_code gone;
        if (entry->path().extension() == ".log") sizes[entry->path()] = entry->file_size(gone);
    }
    return sizes;
}

std::vector<std::string> find_in_logs(const stdfs::path& directory, const Secrets& secrets, const LogSizes& since) {
    std::vector<std::string> lines;
    for (const auto& [log, size_bytes] : measure_logs(directory)) {
        std::ifstream file(log, std::ios::binary);
        const auto before = since.find(log);
        if (before != since.end()) file.seekg(static_cast<std::streamoff>(before->second));
        for (std::string line; std::getline(file, line);) {
            if (has_secret(line, secrets)) lines.push_back(fmt::format("{}: {}", log.string(), line));
        }
    }
    return lines;
}

std::vector<std::string> find_in_data_directory(const stdfs::path& data_directory, const Secrets& secrets) {
    std::vector<std::string> found;
    std::error_code error;
    constexpr auto kOptions = stdfs::directory_options::follow_directory_symlink;
    for (stdfs::recursive_directory_iterator entry(data_directory, kOptions, error), end; !error && entry != end;
         entry.increment(error)) {
        if (!entry->is_regular_file()) continue;
        const std::string content = fs::read_file(entry->path()).value_or("");  // a server may be at work
        for (const std::string& secret : secrets) {
            if (content.find(secret) != std::string::npos) found.push_back(entry->path().string() + ": " + secret);
        }
    }
    return found;
}

}  // namespace polygon::support
