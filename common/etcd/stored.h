// What etcd holds under a key, understood; the parsers of rebuild_state.h are meant.
#pragma once

#include "common/etcd/client.h"

namespace polygon::etcd {

// A value and the revision that wrote it; 0: the key is absent.
template <class T>
struct Stored {
    std::optional<T> value;
    std::int64_t revision = 0;
    std::string text;
};

template <class T>
Result<Stored<T>> parse_stored(const KeyValue& entry, Result<T> (*parse)(const std::string&)) {
    return Stored<T>{.value = TRY(parse(entry.value)), .revision = entry.mod_revision, .text = entry.value};
}

// One key of those that were read at once.
template <class T>
Result<Stored<T>> find_stored(const Snapshot& read, const std::string& key, Result<T> (*parse)(const std::string&)) {
    for (const KeyValue& entry : read.entries) {
        if (entry.key == key) return parse_stored(entry, parse);
    }
    return Stored<T>();
}

template <class T>
Result<Stored<T>> read_stored(Client& client, const std::string& key, Result<T> (*parse)(const std::string&)) {
    const auto entry = TRY(client.read(key));
    if (!entry) return Stored<T>();
    return parse_stored(*entry, parse);
}

}  // namespace polygon::etcd
