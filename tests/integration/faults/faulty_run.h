// polygon-bootstrap with the fault library in it.
#pragma once

#include <string>
#include <vector>

#include "common/fs/file.h"
#include "common/process/child.h"
#include "tests/integration/faults/fault_page.h"

namespace polygon::faults {

// Whether programs can be preloaded into: those with a sanitizer cannot. Says so if not.
bool is_supported();

// The page of one run, in a file of its own.
class FaultPage {
  public:
    explicit FaultPage(const fs::Path& file);
    ~FaultPage();
    FaultPage(const FaultPage&) = delete;
    FaultPage& operator=(const FaultPage&) = delete;
    Page* operator->() const { return page_; }
    const fs::Path& file() const { return file_; }

  private:
    fs::Path file_;
    Page* page_;
};

// `polygon-bootstrap restore` of `arguments`, in which calls on what is beneath `below` follow the page.
process::Finished restore_with(const FaultPage& page, const fs::Path& below, std::vector<std::string> arguments);

// What is there beneath a directory: names, and what kind of thing each is, and every file's content.
std::vector<std::string> inventory(const fs::Path& directory);

// Until nobody holds the lock on it: a killed restore's worker dies a moment after it.
void wait_until_unlocked(const fs::Path& directory);

}  // namespace polygon::faults
