#include "tests/bench/idle.h"

#include <algorithm>
#include <fstream>
#include <sstream>
#include <string>

#include <fmt/format.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "tests/support/http_get.h"

namespace polygon::bench {
namespace {

// utime and stime of proc_pid_stat(5), in seconds; the name before them may have blanks.
double cpu_seconds(pid_t pid) {
    std::ifstream file(fmt::format("/proc/{}/stat", pid));
    std::string text;
    std::getline(file, text);
    std::istringstream fields(text.substr(text.rfind(')') + 2));
    std::string skipped;
    for (int number = 3; number < 14; ++number)
        fields >> skipped;
    double user = 0;
    double system = 0;
    fields >> user >> system;
    return (user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

double rss_mib(pid_t pid) {
    std::ifstream file(fmt::format("/proc/{}/status", pid));
    for (std::string word; file >> word;) {
        double kib = 0;
        if (word == "VmRSS:" && file >> kib) return kib / 1024;
    }
    return 0;
}

double cpu_of_agents(support::Cluster& cluster) {
    double seconds = 0;
    for (const support::PatroniNode& node : cluster.nodes()) {
        if (const auto pid = node.agent()) seconds += cpu_seconds(*pid);
    }
    return seconds;
}

// The sum over grpc_server_handled_total{…}, which the HTTP gateway's calls are in, too.
Result<double> count_calls(support::Cluster& cluster) {
    const support::Answer answer = TRY(support::http_get("http://" + cluster.etcd().endpoint() + "/metrics"));
    std::istringstream lines(answer.body);
    double calls = 0;
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with("grpc_server_handled_total{")) calls += std::stod(line.substr(line.rfind(' ')));
    }
    return calls;
}

}  // namespace

Result<IdleCost> measure_idle(support::Cluster& cluster, std::chrono::seconds time) {
    const double calls = TRY(count_calls(cluster));
    const double cpu = cpu_of_agents(cluster);
    system_clock().sleep(time);
    const auto seconds = static_cast<double>(time.count());
    IdleCost cost;
    cost.agent_cpu_percent =
        (cpu_of_agents(cluster) - cpu) / seconds / static_cast<double>(cluster.nodes().size()) * 100;
    cost.etcd_calls_a_second = (TRY(count_calls(cluster)) - calls) / seconds;
    for (const support::PatroniNode& node : cluster.nodes()) {
        if (const auto pid = node.agent()) cost.agent_rss_mib = std::max(cost.agent_rss_mib, rss_mib(*pid));
    }
    return cost;
}

}  // namespace polygon::bench
