// What a transaction compares and does: plain values, built by the functions below.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace polygon::etcd {

using LeaseId = std::int64_t;
constexpr LeaseId kNoLease = 0;

struct Compare {
    enum class Kind { exists, absent, mod_revision, value, prefix_absent, prefix_unchanged };
    Kind kind = Kind::exists;
    std::string key;  // prefix_…: the prefix
    std::int64_t mod_revision = 0;
    std::string value;
};

Compare exists(std::string_view key);
Compare absent(std::string_view key);
Compare mod_revision_is(std::string_view key, std::int64_t revision);
// `revision` 0: the key was absent, and still is.
Compare unchanged(std::string_view key, std::int64_t revision);
// False for a key that does not exist, even if `value` is empty.
Compare value_is(std::string_view key, std::string_view value);
// True if no key begins with `prefix`.
Compare prefix_absent(std::string_view prefix);
// True if no key that begins with `prefix` was written after `revision` (of a Snapshot). Removals are not seen.
Compare prefix_unchanged_since(std::string_view prefix, std::int64_t revision);

struct Operation {
    enum class Kind { put, remove, remove_prefix };
    Kind kind = Kind::put;
    std::string key;  // remove_prefix: the prefix
    std::string value;
    LeaseId lease = kNoLease;
};

Operation put(std::string_view key, std::string_view value, LeaseId lease = kNoLease);
// Both of these succeed where there is nothing to remove.
Operation remove(std::string_view key);
Operation remove_prefix(std::string_view prefix);

// `then` happens as one, if all of `compares` hold. etcd refuses more than 128 of either, and two puts of one key.
struct Transaction {
    std::vector<Compare> compares;
    std::vector<Operation> then;
};

// The first key after those with this prefix; all of them for an empty one: what etcd calls range_end.
std::string end_of_prefix(std::string_view prefix);

}  // namespace polygon::etcd
