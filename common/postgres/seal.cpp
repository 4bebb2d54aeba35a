#include "common/postgres/seal.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/evp.h>
#include <sys/stat.h>

#include "common/postgres/generation_marker.h"

namespace polygon::postgres {
namespace {

namespace stdfs = std::filesystem;

// A link to a directory of a tablespace or of pg_wal: what is behind it belongs to the clone.
bool leads_on(const Path& path, const Path& root) {
    return path.parent_path() == root / "pg_tblspc" || path == root / "pg_wal";
}

// What a durable write, or a re-pointed link, leaves beside it where it crashed (common/fs/file.cpp).
bool is_unfinished_write(const Path& path, const Path& root) {
    const std::string name = path.filename().string();
    if (path.parent_path() == root) return name == ".polygon.json.new" || name == ".pg_wal.new";
    return path.parent_path() == root / "pg_tblspc" && name.starts_with('.') && name.ends_with(".new");
}

class Listing {
  public:
    explicit Listing(Path root) : root_(std::move(root)) {}

    Status add_directory(const Path& directory, const std::string& name) {
        std::error_code error;
        for (stdfs::directory_iterator entry(directory, error), end; !error && entry != end; entry.increment(error))
            TRY(add(entry->path(), name + "/" + entry->path().filename().string()));
        if (!error) return {};
        return errno_error(Errc::io, fmt::format("cannot list '{}'", directory.string()), error.value());
    }

    std::string sorted() {
        std::sort(lines_.begin(), lines_.end());
        std::string all;
        for (const std::string& line : lines_)
            all += line;
        return all;
    }

  private:
    Status add(const Path& path, const std::string& name) {
        struct stat seen = {};
        if (::lstat(path.c_str(), &seen) != 0)
            return errno_error(Errc::io, fmt::format("cannot look at '{}'", path.string()), errno);
        if (path == root_ / "polygon.json" || is_unfinished_write(path, root_)) return {};
        if (S_ISDIR(seen.st_mode)) {
            lines_.push_back(fmt::format("{}{}directory{}", name, '\0', '\0'));
            return add_directory(path, name);
        }
        // Re-pointed when the clone is put in place: what it leads to counts.
        if (S_ISLNK(seen.st_mode) && leads_on(path, root_)) {
            lines_.push_back(fmt::format("{}{}link{}", name, '\0', '\0'));
            return add_directory(path, name);
        }
        lines_.push_back(fmt::format("{}{}{:o} {} {}.{:09}{}", name, '\0', seen.st_mode, seen.st_size,
                                     seen.st_ctim.tv_sec, seen.st_ctim.tv_nsec, '\0'));
        return {};
    }

    Path root_;
    std::vector<std::string> lines_;
};

std::string sha256(const std::string& text) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest = {};
    std::size_t length = 0;
    if (EVP_Q_digest(nullptr, "SHA256", nullptr, text.data(), text.size(), digest.data(), &length) != 1) return "";
    std::string hex;
    for (std::size_t index = 0; index < length; ++index)
        hex += fmt::format("{:02x}", digest[index]);
    return hex;
}

Error broken(const Path& directory, const std::string& what) {
    return {Errc::conflict, fmt::format("the staged clone '{}' {}", directory.string(), what),
            "It is not used; run the rebuild again."};
}

}  // namespace

Result<std::string> compute_seal(const Path& data_directory) {
    Listing listing(data_directory);
    TRY(listing.add_directory(data_directory, ""));
    std::string digest = sha256(listing.sorted());
    if (digest.empty()) return Error{Errc::internal, "OpenSSL gives no SHA-256"};
    return digest;
}

Status seal(const Path& data_directory) {
    auto marker = TRY(read_marker(data_directory));
    if (!marker) return broken(data_directory, "has no polygon.json");
    marker->seal = TRY(compute_seal(data_directory));
    return write_marker(data_directory, *marker);
}

Status require_sealed(const Path& data_directory) {
    const auto marker = TRY(read_marker(data_directory));
    if (!marker || marker->seal.empty()) return broken(data_directory, "was never finished");
    if (TRY(compute_seal(data_directory)) == marker->seal) return {};
    return broken(data_directory, "was changed after it was made");
}

}  // namespace polygon::postgres
