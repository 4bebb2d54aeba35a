// Compares what comes by with the manifest, and remembers every difference. Several threads may use one.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "common/backup/location.h"

namespace polygon::backup {

// How pg_verifybackup treats a file: by the manifest, or not at all (WAL, and what pg_basebackup itself may change).
// unlisted: there is no manifest, and nothing to compare with.
enum class Standing { in_manifest, exempt, unlisted, not_wanted };

struct Expectation {
    Standing standing = Standing::not_wanted;  // not_wanted: extra or repeated, and noted as a problem
    const ManifestFile* file = nullptr;        // of in_manifest
};

class Verifier {
  public:
    // The backup must outlive this.
    Verifier(const Backup& backup, std::function<void(const std::string&)> on_problem);

    Expectation expect(const std::string& path);
    // Whether size and checksum are the manifest's.
    bool compare(const ManifestFile& file, std::uint64_t size_bytes, const std::string& checksum_hex);
    // Of a file that is in no manifest: it was not as long as it was said to be.
    void note_change(const std::string& path);
    void note_missing();
    bool has_problems() const;
    // "backup '20261120' does not match its manifest: ...; and 3 more", backup_corrupt. In the order of the paths: the
    // lanes find them in any order.
    Error summary() const;

  private:
    struct Entry {
        const ManifestFile* file;
        bool is_seen = false;
    };
    void note(const std::string& problem);

    const Backup& backup_;
    mutable std::mutex mutex_;
    std::function<void(const std::string&)> on_problem_;
    std::unordered_map<std::string_view, Entry> entries_;
    std::unordered_set<std::string> others_seen_;
    std::vector<std::string> problems_;  // the first of them
    std::uint64_t count_ = 0;
};

}  // namespace polygon::backup
