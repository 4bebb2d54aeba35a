#include "common/process/isolation.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/process/child.h"
#include "tests/support/catch.h"
#include "tests/support/isolations.h"
#include "tests/support/scratch.h"

namespace polygon::process {
namespace {

using namespace std::chrono_literals;

Deadline soon() {
    return Deadline(system_clock(), 20s);
}

// Who may be dialled: nobody accepts, and the kernel completes connections all the same.
class Somebody {
  public:
    Somebody(int domain, int type) : fd_(::socket(domain, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {}
    Somebody(const Somebody&) = delete;
    Somebody& operator=(const Somebody&) = delete;
    ~Somebody() {
        if (fd_ >= 0) ::close(fd_);
    }

    template <typename Address>
    bool answers_at(const Address& address) {
        const bool is_bound = ::bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
        ::listen(fd_, 100);
        return is_bound;
    }
    std::string port() const {
        sockaddr_in6 address = {};  // the port of both families is in the same place
        socklen_t length = sizeof address;
        ::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &length);
        return std::to_string(ntohs(address.sin6_port));
    }
    int count_calls() {
        int count = 0;
        for (int call = ::accept(fd_, nullptr, nullptr); call >= 0; call = ::accept(fd_, nullptr, nullptr)) {
            ::close(call);
            ++count;
        }
        return count;
    }
    int count_datagrams() {
        int count = 0;
        for (char byte = 0; ::recv(fd_, &byte, 1, 0) >= 0;)
            ++count;
        return count;
    }

  private:
    int fd_;
};

sockaddr_in loopback4() {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

sockaddr_in6 loopback6() {
    sockaddr_in6 address = {};
    address.sin6_family = AF_INET6;
    address.sin6_addr = in6addr_loopback;
    return address;
}

// The status of `dial`, which is beside this executable: 0, or an errno.
int dial(Isolation isolation, const std::string& way, const std::string& target = "-") {
    const std::string program = std::filesystem::read_symlink("/proc/self/exe").parent_path() / "unit_process_dial";
    const auto done = run({.argv = {program, way, target}, .isolation = isolation}, system_clock(), soon());
    if (!done) FAIL(done.error().message);
    INFO(done->err);
    return done->exit_status;
}

// Over a namespace lies the filter too, which refuses first.
int refusal(Isolation isolation) {
    return isolation == Isolation::socket_filter || support::has_seccomp() ? EAFNOSUPPORT : ENETUNREACH;
}

TEST_CASE("the strongest isolation is the best of those that work") {
    const std::vector<Isolation> working = support::working_isolations();
    CHECK(strongest_isolation() == (working.empty() ? Isolation::none : working.back()));
}

TEST_CASE("an isolation is named as polygon.json has it") {
    CHECK(to_text(Isolation::none) == "none");
    CHECK(to_text(Isolation::socket_filter) == "socket filter");
    CHECK(to_text(Isolation::network_namespace) == "network namespace");
}

TEST_CASE("an isolated program does not get through by TCP") {
    Somebody somebody(AF_INET, SOCK_STREAM);
    REQUIRE(somebody.answers_at(loopback4()));
    REQUIRE(dial(Isolation::none, "tcp4", somebody.port()) == 0);
    REQUIRE(somebody.count_calls() == 1);
    for (const Isolation isolation : support::working_isolations()) {
        INFO(to_text(isolation));
        CHECK(dial(isolation, "tcp4", somebody.port()) == refusal(isolation));
        CHECK(somebody.count_calls() == 0);
    }
}

TEST_CASE("an isolated program does not get through by TCP over IPv6") {
    Somebody somebody(AF_INET6, SOCK_STREAM);
    if (!somebody.answers_at(loopback6())) return;  // a machine without IPv6
    REQUIRE(dial(Isolation::none, "tcp6", somebody.port()) == 0);
    REQUIRE(somebody.count_calls() == 1);
    for (const Isolation isolation : support::working_isolations()) {
        INFO(to_text(isolation));
        const int refused = dial(isolation, "tcp6", somebody.port());
        CHECK((refused == refusal(isolation) || refused == EADDRNOTAVAIL));
        CHECK(somebody.count_calls() == 0);
    }
}

TEST_CASE("an isolated program does not get a datagram out") {
    Somebody somebody(AF_INET, SOCK_DGRAM);
    REQUIRE(somebody.answers_at(loopback4()));
    REQUIRE(dial(Isolation::none, "udp4", somebody.port()) == 0);
    REQUIRE(somebody.count_datagrams() == 1);
    for (const Isolation isolation : support::working_isolations()) {
        INFO(to_text(isolation));
        CHECK(dial(isolation, "udp4", somebody.port()) == refusal(isolation));
        CHECK(somebody.count_datagrams() == 0);
    }
}

TEST_CASE("an isolated program reaches a socket with a path, and makes pairs") {
    const support::Scratch scratch;
    const std::string path = scratch.path() / "socket";
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    Somebody somebody(AF_UNIX, SOCK_STREAM);
    REQUIRE(somebody.answers_at(address));
    for (const Isolation isolation : support::working_isolations()) {
        INFO(to_text(isolation));
        CHECK(dial(isolation, "path", path) == 0);
        CHECK(somebody.count_calls() == 1);
        CHECK(dial(isolation, "pair") == 0);
    }
}

TEST_CASE("an isolated program has the user and the group that it had") {
    for (const Isolation isolation : support::working_isolations()) {
        INFO(to_text(isolation));
        CHECK(dial(isolation, "user", std::to_string(::geteuid())) == 0);
        CHECK(dial(isolation, "group", std::to_string(::getegid())) == 0);
    }
}

TEST_CASE("an isolated program inherits no socket that is open to the network") {
    Somebody somebody(AF_INET, SOCK_DGRAM);
    REQUIRE(somebody.answers_at(loopback4()));
    sockaddr_in target = loopback4();
    target.sin_port = htons(static_cast<unsigned short>(std::stoi(somebody.port())));
    const int line = ::socket(AF_INET, SOCK_DGRAM, 0);  // without SOCK_CLOEXEC
    REQUIRE(::connect(line, reinterpret_cast<const sockaddr*>(&target), sizeof target) == 0);
    CHECK(dial(Isolation::none, "descriptor", std::to_string(line)) == 0);
    CHECK(somebody.count_datagrams() == 1);
    for (const Isolation isolation : support::working_isolations()) {
        INFO(to_text(isolation));
        CHECK(dial(isolation, "descriptor", std::to_string(line)) == EBADF);
        CHECK(somebody.count_datagrams() == 0);
    }
    ::close(line);
}

#if defined(__x86_64__)
// Other architectures' system calls end the process by the filter's signal. Where a kernel has no such calls, each of
// them fails without isolation too (x32: ENOSYS; int $0x80: mostly SIGSEGV), maybe before the filter is asked.
void check_closed(Isolation isolation, const std::string& way) {
    INFO(way);
    const int open = dial(Isolation::none, way);
    const int isolated = dial(isolation, way);
    if (open == 0 || isolated != open) CHECK(isolated == 128 + SIGSYS);
}
#endif

TEST_CASE("an isolation leaves no way around socket(2), and no family of sockets but AF_UNIX") {
    if (!support::has_seccomp()) return;
    for (const Isolation isolation : support::working_isolations()) {
        INFO(to_text(isolation));
        CHECK(dial(isolation, "ring") == ENOSYS);
        for (const int domain : {AF_VSOCK, AF_NETLINK, AF_INET, AF_INET6, AF_PACKET})
            CHECK(dial(isolation, "domain", std::to_string(domain)) == EAFNOSUPPORT);
#if defined(__x86_64__)
        check_closed(isolation, "i386");
        check_closed(isolation, "x32");
#endif
    }
    CHECK(dial(Isolation::none, "domain", std::to_string(AF_NETLINK)) == 0);
}

TEST_CASE("a network namespace is another network, where an abstract socket is not found") {
    const std::string name = "polygon-isolation-" + std::to_string(::getpid());
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path + 1, name.c_str(), sizeof address.sun_path - 2);
    Somebody somebody(AF_UNIX, SOCK_STREAM);
    REQUIRE(somebody.answers_at(address));
    REQUIRE(dial(Isolation::none, "abstract", name) == 0);
    for (const Isolation isolation : support::working_isolations()) {
        INFO(to_text(isolation));
        const bool is_namespace = isolation == Isolation::network_namespace;
        CHECK(dial(isolation, "abstract", name) == (is_namespace ? ECONNREFUSED : 0));
    }
}

TEST_CASE("what runs without network dials nobody, nor do its children, and the rest of the process may") {
    if (!support::has_seccomp()) return;
    Somebody somebody(AF_INET, SOCK_STREAM);
    REQUIRE(somebody.answers_at(loopback4()));
    const auto make_socket = [](int domain) {
        const int fd = ::socket(domain, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0) return errno;
        ::close(fd);
        return 0;
    };
    const Status done = run_without_network([&]() -> Status {
        CHECK(make_socket(AF_INET) == EAFNOSUPPORT);
        CHECK(make_socket(AF_INET6) == EAFNOSUPPORT);
        CHECK(make_socket(AF_UNIX) == 0);
        CHECK(dial(Isolation::none, "tcp4", somebody.port()) == EAFNOSUPPORT);
        CHECK(strongest_isolation() == support::working_isolations().back());
        return Error{Errc::timeout, "the body's own", ""};
    });
    REQUIRE_FALSE(done.has_value());
    CHECK(done.error().message == "the body's own");
    CHECK(somebody.count_calls() == 0);
    CHECK(make_socket(AF_INET) == 0);
    CHECK(dial(Isolation::none, "tcp4", somebody.port()) == 0);
}

bool is_gone(pid_t pid) {
    std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
    std::string number;
    std::string name;
    std::string state;
    return !(stat >> number >> name >> state) || state == "Z";
}

// A second process of ours that starts an isolated one, writes down its number, and waits to be killed.
pid_t start_parent(Isolation isolation, Reach reach, const std::filesystem::path& file) {
    const pid_t parent = ::fork();
    if (parent != 0) return parent;
    const auto child = Child::start({.argv = {"/bin/sh", "-c", "echo $$ > '" + file.string() + "'; exec sleep 600"},
                                     .reach = reach,
                                     .isolation = isolation});
    ::pause();
    ::_exit(child.has_value() ? 0 : 1);
}

TEST_CASE("an isolated program ends when its parent is killed, even by SIGKILL") {
    for (const Isolation isolation : support::working_isolations()) {
        for (const Reach reach : {Reach::process, Reach::group}) {
            INFO(to_text(isolation));
            const support::Scratch scratch;
            const pid_t parent = start_parent(isolation, reach, scratch.path() / "pid");
            REQUIRE(parent > 0);
            pid_t pid = 0;
            REQUIRE(wait_until(system_clock(), soon(), 5ms,
                               [&] { return (std::ifstream(scratch.path() / "pid") >> pid) && pid > 0; }));
            CHECK_FALSE(is_gone(pid));
            ::kill(parent, SIGKILL);
            ::waitpid(parent, nullptr, 0);
            CHECK(wait_until(system_clock(), soon(), 5ms, [&] { return is_gone(pid); }));
        }
    }
}

// In a child: a process whose /proc is root's (prctl(2), PR_SET_DUMPABLE) cannot write its maps, as under AppArmor.
template <typename Body>
int status_without_maps(const Body& body) {
    const pid_t pid = ::fork();
    if (pid == 0) {
        if (::geteuid() == 0 && ::setresuid(65534, 65534, 65534) != 0) ::_exit(0);  // the only user of a namespace
        ::prctl(PR_SET_DUMPABLE, 0);
        ::_exit(body());
    }
    int status = 0;
    ::waitpid(pid, &status, 0);
    return to_exit_status(status);
}

TEST_CASE("a program that cannot be isolated is not run, and the next best isolation is found") {
    const support::Scratch scratch;
    std::filesystem::permissions(scratch.path(), std::filesystem::perms::all);
    const std::string made = scratch.path() / "made";
    const int status = status_without_maps([&] {
        const auto done =
            run({.argv = {"touch", made}, .isolation = Isolation::network_namespace}, system_clock(), soon());
        if (done) return 1;
        const Error& error = done.error();
        if (error.code != Errc::process_failed) return 2;
        if (!error.message.starts_with("cannot run 'touch' cut off from the network (network namespace): ")) return 3;
        if (error.hint.empty()) return 4;
        return strongest_isolation() == Isolation::network_namespace ? 5 : 0;
    });
    CHECK(status == 0);
    CHECK_FALSE(std::filesystem::exists(made));
}

}  // namespace
}  // namespace polygon::process
