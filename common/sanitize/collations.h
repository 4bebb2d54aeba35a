// Whether text sorts here as it did on production: another glibc or ICU may order it otherwise, and an index that was
// built in the old order then misses rows.
#pragma once

#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/sanitize/databases.h"

namespace polygon::sanitize {

// One line with the remedy for each database whose default collation has another version here than was recorded
// (template0 too: CREATE DATABASE refuses such a template), and for each collation that something in a database depends
// on. Collations without a recorded version cannot be compared and are passed over; the default collation of PostgreSQL
// 13 and 14 is one. What cannot be compared, because this system does not know the locale, is a line too. Leaves all as
// it was.
Result<std::vector<std::string>> compare_collations(const ConnectTo& connect_to);

}  // namespace polygon::sanitize
