#include "common/process/service_manager.h"

#include <array>
#include <cstddef>
#include <cstring>

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/support/catch.h"
#include "tests/support/scratch.h"

namespace polygon::process {
namespace {

// As systemd listens: "@name" is of the abstract name space.
class Listener {
  public:
    explicit Listener(std::string name) : fd_(socket(AF_UNIX, SOCK_DGRAM, 0)) {
        sockaddr_un address = {.sun_family = AF_UNIX};
        std::memcpy(address.sun_path, name.data(), name.size());
        if (name.front() == '@') address.sun_path[0] = '\0';
        const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
        is_bound_ = bind(fd_, reinterpret_cast<const sockaddr*>(&address), length) == 0;
    }
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;
    ~Listener() { close(fd_); }

    bool is_bound() const { return is_bound_; }
    // "" if nothing has come.
    std::string receive() const {
        std::array<char, 4096> buffer;
        const ssize_t got = recv(fd_, buffer.data(), buffer.size(), MSG_DONTWAIT);
        return got < 0 ? std::string() : std::string(buffer.data(), static_cast<std::size_t>(got));
    }

  private:
    int fd_;
    bool is_bound_ = false;
};

TEST_CASE("the service manager hears of readiness and status, at a path and in the abstract name space") {
    const support::Scratch scratch;
    for (const std::string& name :
         {(scratch.path() / "notify").string(), fmt::format("@polygon-notify-{}", getpid())}) {
        const Listener listener(name);
        REQUIRE(listener.is_bound());
        const ServiceManager manager({{"NOTIFY_SOCKET", name}});
        CHECK(manager.is_there());
        REQUIRE(manager.say_ready().has_value());
        CHECK(listener.receive() == "READY=1");
        REQUIRE(manager.say_status("waits:\nno leader").has_value());
        CHECK(listener.receive() == "STATUS=waits: no leader");
        CHECK(listener.receive().empty());
    }
}

TEST_CASE("without NOTIFY_SOCKET nobody is told, and that is no error") {
    const ServiceManager manager(Environment{});
    CHECK_FALSE(manager.is_there());
    CHECK(manager.say_ready().has_value());
}

TEST_CASE("a service manager that is not there is an error that names its socket") {
    const support::Scratch scratch;
    const std::string name = (scratch.path() / "nobody").string();
    const Status told = ServiceManager({{"NOTIFY_SOCKET", name}}).say_ready();
    REQUIRE_FALSE(told.has_value());
    CHECK(told.error().message ==
          fmt::format("cannot notify the service manager at '{}': No such file or directory", name));
    const Status too_long = ServiceManager({{"NOTIFY_SOCKET", "/" + std::string(200, 'x')}}).say_ready();
    REQUIRE_FALSE(too_long.has_value());
    CHECK(too_long.error().message.ends_with("is longer than a socket's name can be"));
}

}  // namespace
}  // namespace polygon::process
