// dial WAY TARGET: tries to reach somebody in one way, and ends with 0 or with the errno of what was refused.
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include <arpa/inet.h>
#include <linux/io_uring.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

namespace {

template <typename Address>
int reach(int domain, int type, const Address& address) {
    const int fd = socket(domain, type, 0);
    if (fd < 0) return errno;
    const auto* target = reinterpret_cast<const sockaddr*>(&address);
    const bool is_sent = type == SOCK_DGRAM ? sendto(fd, "x", 1, 0, target, sizeof address) == 1
                                            : connect(fd, target, sizeof address) == 0;
    return is_sent ? 0 : errno;
}

int reach_ip4(int type, const char* port) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<unsigned short>(std::atoi(port)));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return reach(AF_INET, type, address);
}

int reach_ip6(const char* port) {
    sockaddr_in6 address = {};
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(static_cast<unsigned short>(std::atoi(port)));
    address.sin6_addr = in6addr_loopback;
    return reach(AF_INET6, SOCK_STREAM, address);
}

int reach_path(const char* path) {
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path, sizeof address.sun_path - 1);
    return reach(AF_UNIX, SOCK_STREAM, address);
}

// "\0NAME", which is in a network namespace (unix(7)).
int reach_abstract(const char* name) {
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path + 1, name, sizeof address.sun_path - 2);
    return reach(AF_UNIX, SOCK_STREAM, address);
}

// Of a family that no network namespace keeps in, or any other one.
int make_socket(int domain) {
    return socket(domain, SOCK_DGRAM, 0) >= 0 ? 0 : errno;
}

int make_pair() {
    int ends[2];
    return socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0 ? 0 : errno;
}

int make_ring() {
    io_uring_params parameters = {};
    return syscall(SYS_io_uring_setup, 1, &parameters) >= 0 ? 0 : errno;
}

// An inherited socket: 0 if the descriptor is open.
int use_descriptor(const char* number) {
    return send(std::atoi(number), "x", 1, MSG_NOSIGNAL) == 1 ? 0 : errno;
}

#if defined(__x86_64__)
// socket(AF_INET, SOCK_STREAM, 0) by the system call of i386 (arch/x86/entry/syscalls/syscall_32.tbl).
int make_i386_socket() {
    long result = 359;
    asm volatile("int $0x80" : "+a"(result) : "b"(AF_INET), "c"(SOCK_STREAM), "d"(0) : "memory");
    return result >= 0 ? 0 : static_cast<int>(-result);
}

// And by that of x32 (arch/x86/entry/syscalls/syscall_64.tbl).
int make_x32_socket() {
    return syscall(0x40000000L + SYS_socket, AF_INET, SOCK_STREAM, 0) >= 0 ? 0 : errno;
}
#endif

int dial(std::string_view way, const char* target) {
    if (way == "tcp4") return reach_ip4(SOCK_STREAM, target);
    if (way == "udp4") return reach_ip4(SOCK_DGRAM, target);
    if (way == "tcp6") return reach_ip6(target);
    if (way == "path") return reach_path(target);
    if (way == "abstract") return reach_abstract(target);
    if (way == "domain") return make_socket(std::atoi(target));
    if (way == "pair") return make_pair();
    if (way == "ring") return make_ring();
    if (way == "descriptor") return use_descriptor(target);
    if (way == "user") return std::atoi(target) == static_cast<int>(getuid()) && getuid() == geteuid() ? 0 : EPERM;
    if (way == "group") return std::atoi(target) == static_cast<int>(getgid()) && getgid() == getegid() ? 0 : EPERM;
#if defined(__x86_64__)
    if (way == "i386") return make_i386_socket();
    if (way == "x32") return make_x32_socket();
#endif
    return EINVAL;
}

}  // namespace

int main(int argc, char** argv) {
    return argc == 3 ? dial(argv[1], argv[2]) : EINVAL;
}
