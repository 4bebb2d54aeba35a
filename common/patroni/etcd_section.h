// Patroni's etcd3 section: which DCS there is, and where. Not for other folders.
#pragma once

#include <string>

#include "common/base/result.h"
#include "common/etcd/client.h"
#include "common/patroni/tree.h"

namespace polygon::patroni {

// Errc::unsupported if Patroni would use another DCS than etcd3, or it is found by SRV records; Errc::configuration if
// none is configured. `source` is for the message.
Result<etcd::Settings> read_etcd_section(const Node& root, const std::string& source);

// "a", "a:1", "[::1]:1", "https://a:1" -> "<protocol>://a:<port>" (patroni/utils.py uri, split_host_port).
std::string to_url(std::string host, const std::string& protocol, const std::string& default_port);

}  // namespace polygon::patroni
