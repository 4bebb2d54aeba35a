#include "tests/unit/http/test_server.h"

#include <algorithm>
#include <cctype>
#include <optional>
#include <stdexcept>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace polygon::http {
namespace {

// A listening socket on a port of the kernel's choice, which `port` becomes.
int listen_anywhere(int& port) {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* plain = reinterpret_cast<sockaddr*>(&address);
    if (bind(fd, plain, size) != 0 || listen(fd, 16) != 0 || getsockname(fd, plain, &size) != 0) {
        throw std::runtime_error("cannot listen on the loopback address");
    }
    port = ntohs(address.sin_port);
    return fd;
}

std::string to_lower(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
    return text;
}

// Takes one whole request off the front of `buffer`, if there is one.
std::optional<Received> take_request(std::string& buffer) {
    const std::size_t end = buffer.find("\r\n\r\n");
    if (end == std::string::npos) return std::nullopt;
    Received request;
    std::size_t line = buffer.find("\r\n");
    const std::size_t space = buffer.find(' ');
    request.method = buffer.substr(0, space);
    request.target = buffer.substr(space + 1, buffer.find(' ', space + 1) - space - 1);
    while (line < end) {
        const std::size_t next = buffer.find("\r\n", line + 2);
        const std::string header = buffer.substr(line + 2, next - line - 2);
        const std::size_t colon = header.find(": ");
        if (colon != std::string::npos) request.headers[to_lower(header.substr(0, colon))] = header.substr(colon + 2);
        line = next;
    }
    const auto length = request.headers.find("content-length");
    const std::size_t size = length == request.headers.end() ? 0 : std::stoul(length->second);
    if (buffer.size() < end + 4 + size) return std::nullopt;
    request.body = buffer.substr(end + 4, size);
    buffer.erase(0, end + 4 + size);
    return request;
}

}  // namespace

struct TestServer::Connection {
    int fd = -1;
    int number = 0;
    std::string buffer;
};

Reply answer(int status, const std::string& body) {
    return {fmt::format("HTTP/1.1 {} Said\r\nContent-Length: {}\r\n\r\n{}", status, body.size(), body)};
}

TestServer::TestServer(Handler handler) : handler_(std::move(handler)), listener_(listen_anywhere(port_)) {
    if (pipe(stop_) != 0) throw std::runtime_error("cannot create a pipe");
    thread_ = std::thread([this] { serve(); });
}

TestServer::~TestServer() {
    close(stop_[1]);
    thread_.join();
    close(stop_[0]);
    close(listener_);
}

std::string TestServer::host() const {
    return fmt::format("127.0.0.1:{}", port_);
}

std::string TestServer::url() const {
    return "http://" + host();
}

std::vector<Received> TestServer::received() const {
    const std::lock_guard lock(mutex_);
    return received_;
}

void TestServer::serve() {
    std::vector<Connection> connections;
    int count = 0;
    while (true) {
        std::vector<pollfd> fds = {{stop_[0], POLLIN, 0}, {listener_, POLLIN, 0}};
        for (const Connection& connection : connections)
            fds.push_back({connection.fd, POLLIN, 0});
        poll(fds.data(), fds.size(), -1);
        if (fds[0].revents != 0) break;
        for (std::size_t i = fds.size(); i-- > 2;) {
            if (fds[i].revents == 0 || read_from(connections[i - 2])) continue;
            close(connections[i - 2].fd);
            connections.erase(connections.begin() + static_cast<std::ptrdiff_t>(i - 2));
        }
        if (fds[1].revents != 0) connections.push_back({accept(listener_, nullptr, nullptr), ++count, ""});
    }
    for (const Connection& connection : connections)
        close(connection.fd);
}

// False when the connection is over.
bool TestServer::read_from(Connection& connection) {
    char bytes[4096];
    const ssize_t got = read(connection.fd, bytes, sizeof bytes);
    if (got <= 0) return false;
    connection.buffer.append(bytes, static_cast<std::size_t>(got));
    while (std::optional<Received> request = take_request(connection.buffer)) {
        request->connection = connection.number;
        {
            const std::lock_guard lock(mutex_);
            received_.push_back(*request);
        }
        const Reply reply = handler_(*request);
        send(connection.fd, reply.bytes.data(), reply.bytes.size(), MSG_NOSIGNAL);
        if (reply.then == Reply::Then::close) return false;
    }
    return true;
}

std::string dead_host() {
    int port = 0;
    close(listen_anywhere(port));
    return fmt::format("127.0.0.1:{}", port);
}

}  // namespace polygon::http
