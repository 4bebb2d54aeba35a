// Cuts a child, and whatever it starts, off from the network, before it runs its first instruction. Against code that
// dials out, not against code that breaks out: another process of the same user may still be asked to do it.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <linux/filter.h>

#include "common/base/result.h"

namespace polygon::process {

enum class Isolation {
    none,
    // seccomp(2): a socket of any domain but AF_UNIX is refused with EAFNOSUPPORT, io_uring, which makes sockets
    // without socket(2), with ENOSYS. Another architecture's system calls (i386, x32) end the process. Sockets of
    // AF_UNIX, abstract ones included, are local to this machine and stay.
    socket_filter,
    // network_namespaces(7): no interface but a loopback of its own, which is down; abstract AF_UNIX sockets are its
    // own too (unix(7)), those with a path are reached as before. An unprivileged process needs a user namespace for it
    // (user_namespaces(7)), in which its user and group keep their numbers. The socket filter is laid over it where the
    // kernel has one: AF_VSOCK, to a virtual machine's host, knows no namespaces.
    network_namespace,
};

// "none", "socket filter", "network namespace".
std::string_view to_text(Isolation isolation);

// Whether this process, with its user, may use it here: tried out by a child each time. A kernel without user
// namespaces, a container's seccomp profile and a chroot refuse unshare(2), AppArmor may refuse the maps or /proc may
// be missing. Errc::unsupported with what the kernel answered.
Status try_isolation(Isolation isolation);

// The strongest that works; Errc::unsupported, with both answers, where none does.
Result<Isolation> find_isolation();
// The same; none where none works.
Isolation strongest_isolation();

// Runs `body` in a thread under the socket filter, which neither it nor what it starts can leave: whatever address a
// connection of ours were given there, nobody is dialled. The calling thread keeps its network. Processes that `body`
// starts get their death signal at its end. Errc::process_failed if the kernel takes no filter: then `body` is not run.
Status run_without_network(const std::function<Status()>& body);

// What a child needs for an isolation. Made before the fork: behind it, a child of a process with threads may call
// async-signal-safe functions alone (fork(2)), and libseccomp allocates memory.
class Enclosure {
  public:
    static Result<Enclosure> prepare(Isolation isolation);

    // In the child, ahead of exec, for good. 0, or the errno of what was refused. What is open beyond stderr is closed
    // by the exec, since a socket stays in the network that it was made in. The parent-death signal is to be set after
    // it: changed credentials may clear it (prctl(2), PR_SET_PDEATHSIG).
    int enter() const;

  private:
    explicit Enclosure(Isolation isolation) : isolation_(isolation) {}

    Isolation isolation_;
    std::string user_map_;
    std::string group_map_;
    std::vector<sock_filter> filter_;  // empty: none
};

}  // namespace polygon::process
