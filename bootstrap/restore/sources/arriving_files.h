// Files that another program is writing, read as soon as each is closed: while they are in the page cache, and while
// the next ones are still on their way. What is to be verified at the end has then been read already, and what is to be
// on disk at the end has been on its way there from the first second.
#pragma once

#include <cstdint>
#include <ctime>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <sys/types.h>

#include "common/backup/checksum.h"
#include "common/fs/fd.h"
#include "common/fs/file.h"

namespace polygon::bootstrap {

class ArrivingFiles {
  public:
    // Watches what comes beneath `roots`, directories that exist, in a thread of its own (inotify(7)); WAL apart, which
    // no manifest covers. What the kernel does not tell is missed, and no more than that.
    ArrivingFiles(std::vector<fs::Path> roots, backup::ChecksumAlgorithm algorithm);
    ~ArrivingFiles();
    ArrivingFiles(const ArrivingFiles&) = delete;
    ArrivingFiles& operator=(const ArrivingFiles&) = delete;

    // Reads what has come until now, and nothing that comes later. A repeat is harmless.
    void finish();

    // Of a file that has not changed since it was read; nothing for one that was missed, or by another algorithm. After
    // finish(), by any thread.
    std::optional<std::string> checksum_of(const fs::Path& file, backup::ChecksumAlgorithm algorithm) const;

  private:
    struct Seen {
        std::int64_t size_bytes = 0;
        timespec changed = {};  // st_ctime: every write moves it
        std::string checksum_hex;
    };
    using Identity = std::pair<dev_t, ino_t>;  // the same file may be reached by another path, through a link
    void watch_until_finished();
    void take_events();
    void begin_write_back();
    void watch(const fs::Path& directory);
    void read(const fs::Path& file);

    const backup::ChecksumAlgorithm algorithm_;
    fs::Fd events_;
    fs::Fd finish_;
    std::map<int, fs::Path> watched_;  // by watch descriptor
    std::map<Identity, Seen> seen_;
    fs::Path growing_;  // the last that was made: pg_basebackup writes one after the other
    std::thread thread_;
};

}  // namespace polygon::bootstrap
