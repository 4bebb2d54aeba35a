#include "common/etcd/transaction.h"

namespace polygon::etcd {

Compare exists(std::string_view key) {
    return {.kind = Compare::Kind::exists, .key = std::string(key)};
}

Compare absent(std::string_view key) {
    return {.kind = Compare::Kind::absent, .key = std::string(key)};
}

Compare mod_revision_is(std::string_view key, std::int64_t revision) {
    return {.kind = Compare::Kind::mod_revision, .key = std::string(key), .mod_revision = revision};
}

Compare unchanged(std::string_view key, std::int64_t revision) {
    return revision == 0 ? absent(key) : mod_revision_is(key, revision);
}

Compare value_is(std::string_view key, std::string_view value) {
    return {.kind = Compare::Kind::value, .key = std::string(key), .value = std::string(value)};
}

Compare prefix_absent(std::string_view prefix) {
    return {.kind = Compare::Kind::prefix_absent, .key = std::string(prefix)};
}

Compare prefix_unchanged_since(std::string_view prefix, std::int64_t revision) {
    return {.kind = Compare::Kind::prefix_unchanged, .key = std::string(prefix), .mod_revision = revision};
}

Operation put(std::string_view key, std::string_view value, LeaseId lease) {
    return {.kind = Operation::Kind::put, .key = std::string(key), .value = std::string(value), .lease = lease};
}

Operation remove(std::string_view key) {
    return {.kind = Operation::Kind::remove, .key = std::string(key)};
}

Operation remove_prefix(std::string_view prefix) {
    return {.kind = Operation::Kind::remove_prefix, .key = std::string(prefix)};
}

std::string end_of_prefix(std::string_view prefix) {
    std::string end(prefix);
    while (!end.empty() && static_cast<unsigned char>(end.back()) == 0xff)
        end.pop_back();
    if (end.empty()) return std::string(1, '\0');  // etcd: to the end of all keys
    end.back() = static_cast<char>(static_cast<unsigned char>(end.back()) + 1);
    return end;
}

}  // namespace polygon::etcd
