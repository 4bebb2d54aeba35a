#include "common/process/isolation.h"

#include <cerrno>
#include <future>
#include <memory>

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace polygon::process {
namespace {

class Descriptor {
  public:
    explicit Descriptor(int fd) : fd_(fd) {}
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    ~Descriptor() {
        if (fd_ >= 0) ::close(fd_);
    }
    int get() const { return fd_; }
    bool is_open() const { return fd_ >= 0; }

  private:
    int fd_;
};

// One line of user_namespaces(7)'s maps: a number, the same outside, and no other. More needs privileges.
std::string map_to_itself(unsigned int id) {
    return fmt::format("{0} {0} 1\n", id);
}

using Context = std::unique_ptr<void, decltype(&seccomp_release)>;

// 0 or a negative errno, as libseccomp gives them. seccomp(2) compares 64 bits where the kernel takes a domain's 32:
// what is AF_UNIX to it alone is refused as well, never the other way round. x32 counts as another architecture
// (libseccomp src/gen_bpf.c).
int add_rules(const Context& context) {
    if (const int error = seccomp_attr_set(context.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS)) return error;
    const scmp_arg_cmp other_domain = {.arg = 0, .op = SCMP_CMP_NE, .datum_a = AF_UNIX, .datum_b = 0};
    if (const int error =
            seccomp_rule_add_array(context.get(), SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socket), 1, &other_domain)) {
        return error;
    }
    return seccomp_rule_add_array(context.get(), SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(io_uring_setup), 0, nullptr);
}

Error filter_error(int reason) {
    return errno_error(Errc::process_failed, "cannot make a socket filter", reason);
}

// seccomp_export_bpf(3) writes a program as the kernel takes it; into memory only from libseccomp 2.6 on.
Result<std::vector<sock_filter>> export_program(const Context& context) {
    const Descriptor file(memfd_create("socket-filter", MFD_CLOEXEC));
    if (!file.is_open()) return filter_error(errno);
    if (const int error = seccomp_export_bpf(context.get(), file.get())) return filter_error(-error);
    const off_t size = lseek(file.get(), 0, SEEK_END);
    if (size <= 0) return filter_error(EIO);
    std::vector<sock_filter> program(static_cast<std::size_t>(size) / sizeof(sock_filter));
    if (pread(file.get(), program.data(), static_cast<std::size_t>(size), 0) != size) return filter_error(EIO);
    return program;
}

Result<std::vector<sock_filter>> make_filter() {
    const Context context(seccomp_init(SCMP_ACT_ALLOW), &seccomp_release);
    if (!context) return filter_error(ENOMEM);
    if (const int error = add_rules(context)) return filter_error(-error);
    return export_program(context);
}

// From here on: async-signal-safe.

// CLOSE_RANGE_CLOEXEC is of Linux 5.11 (close_range(2)). Before it, one by one, up to what fs.nr_open allows by
// default.
void inherit_nothing() {
    constexpr int kFirst = STDERR_FILENO + 1;
    constexpr int kMost = 1 << 20;
    if (close_range(kFirst, ~0U, CLOSE_RANGE_CLOEXEC) == 0) return;
    for (int fd = kFirst; fd < kMost; ++fd)
        fcntl(fd, F_SETFD, FD_CLOEXEC);
}

int write_text(const char* path, std::string_view text) {
    const Descriptor file(open(path, O_WRONLY | O_CLOEXEC));
    if (!file.is_open()) return errno;
    const ssize_t put = write(file.get(), text.data(), text.size());
    if (put < 0) return errno;
    return static_cast<std::size_t>(put) == text.size() ? 0 : EIO;
}

// setgroups(2) has to be given up before an unprivileged process may write its group's map (user_namespaces(7)). The
// groups themselves stay.
int enter_namespace(std::string_view user_map, std::string_view group_map) {
    if (unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) return errno;
    if (const int error = write_text("/proc/self/setgroups", "deny")) return error;
    if (const int error = write_text("/proc/self/uid_map", user_map)) return error;
    return write_text("/proc/self/gid_map", group_map);
}

// Without privileges a filter is taken only from who can gain none any more, by a set-user-ID program (seccomp(2)).
int install_filter(const std::vector<sock_filter>& filter) {
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return errno;
    const sock_fprog program = {static_cast<unsigned short>(filter.size()), const_cast<sock_filter*>(filter.data())};
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0 ? 0 : errno;
}

// Connecting a datagram socket sends nothing; it looks for a route, and where lo is up there is one.
bool is_cut_off() {
    const Descriptor datagrams(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (!datagrams.is_open()) return errno == EAFNOSUPPORT;
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(9);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return connect(datagrams.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 &&
           errno == ENETUNREACH;
}

// 0 if it works here, else the errno of what was refused.
Result<int> try_out(Isolation isolation) {
    const Enclosure enclosure = TRY(Enclosure::prepare(isolation));
    const pid_t pid = fork();
    if (pid < 0) return errno_error(Errc::process_failed, "cannot fork", errno);
    if (pid == 0) {
        const int refused = enclosure.enter();
        _exit(refused == 0 && !is_cut_off() ? ENOTSUP : refused);
    }
    int status = 0;
    while (waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR) return errno_error(Errc::process_failed, "cannot wait for a child", errno);
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : EPERM;
}

}  // namespace

std::string_view to_text(Isolation isolation) {
    switch (isolation) {
        case Isolation::none:
            return "none";
        case Isolation::socket_filter:
            return "socket filter";
        case Isolation::network_namespace:
            return "network namespace";
    }
    return "none";
}

Status try_isolation(Isolation isolation) {
    const int refused = TRY(try_out(isolation));
    if (refused == 0) return {};
    return errno_error(Errc::unsupported, to_text(isolation), refused);
}

Result<Isolation> find_isolation() {
    const Status space = try_isolation(Isolation::network_namespace);
    if (space) return Isolation::network_namespace;
    const Status filter = try_isolation(Isolation::socket_filter);
    if (filter) return Isolation::socket_filter;
    return Error{Errc::unsupported,
                 fmt::format("nothing can be cut off from the network here: {}; {}", space.error().message,
                             filter.error().message),
                 "Allow user namespaces (sysctl user.max_net_namespaces, AppArmor) or seccomp(2)."};
}

Isolation strongest_isolation() {
    return find_isolation().value_or(Isolation::none);
}

Status run_without_network(const std::function<Status()>& body) {
    const std::vector<sock_filter> filter = TRY(make_filter());
    const auto filtered = [&]() -> Status {
        if (const int refused = install_filter(filter)) return filter_error(refused);
        return body();
    };
    return std::async(std::launch::async, filtered).get();
}

Result<Enclosure> Enclosure::prepare(Isolation isolation) {
    Enclosure enclosure(isolation);
    // Asked for here: in the new namespace they are unknown until they are mapped.
    enclosure.user_map_ = map_to_itself(geteuid());
    enclosure.group_map_ = map_to_itself(getegid());
    if (isolation == Isolation::none) return enclosure;
    Result<std::vector<sock_filter>> filter = make_filter();
    if (!filter && isolation == Isolation::socket_filter) return filter.error();
    if (filter) enclosure.filter_ = std::move(*filter);
    return enclosure;
}

int Enclosure::enter() const {
    if (isolation_ == Isolation::none) return 0;
    inherit_nothing();
    if (isolation_ == Isolation::socket_filter) return install_filter(filter_);
    if (const int error = enter_namespace(user_map_, group_map_)) return error;
    if (!is_cut_off()) return ENOTSUP;                    // behind the filter nobody could tell
    if (!filter_.empty()) (void)install_filter(filter_);  // a kernel without seccomp has the namespace still
    return 0;
}

}  // namespace polygon::process
