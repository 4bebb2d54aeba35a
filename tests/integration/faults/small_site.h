// A small backup made by hand, with a tablespace, and the places where it is restored to.
#pragma once

#include <string>

#include "tests/integration/faults/faulty_run.h"
#include "tests/unit/backup/archive_builder.h"

namespace polygon::faults {

class SmallSite {
  public:
    static constexpr const char* kLargeFile = "16400";  // in base/5: written past the page cache where that is possible

    // "tar", "gzip" or "plain".
    explicit SmallSite(const std::string& format);

    // Holds the places, and a neighbour that is nobody's business. Faults strike here.
    fs::Path root() const { return directory_ / "root"; }
    fs::Path data() const { return root() / "parent/data"; }  // not there, nor is its parent
    fs::Path fast() const { return root() / "fast"; }         // of the tablespace; there, and empty
    fs::Path page_file() const { return directory_ / "page"; }
    bool takes_direct_writes() const;

    // Of `polygon-bootstrap restore`.
    std::vector<std::string> arguments() const;
    process::Finished restore(const FaultPage& page) const;
    // Every file has the backup's content, and there is no mark.
    void check_restored() const;
    // As it was before the first restore.
    void clear() const;
    // The backup can be read and the tablespace's place be written by any user.
    void open_to_everybody() const;

  private:
    void write_plain() const;

    backup::test::TemporaryDirectory directory_;
    backup::test::Sample sample_;
};

}  // namespace polygon::faults
