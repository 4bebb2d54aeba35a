// An HTTP server made by hand, to answer what no honest server would: on a port from the kernel, on a thread of its
// own.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace polygon::http {

struct Received {
    std::string method;
    std::string target;
    std::map<std::string, std::string> headers;  // names in lower case
    std::string body;
    int connection = 0;  // which one it came in on, from 1
};

struct Reply {
    enum class Then { keep, close };
    std::string bytes;  // raw; empty and Then::keep: never an answer
    Then then = Then::keep;
};

// "HTTP/1.1 <status> …" with its length, and the connection left open.
Reply answer(int status, const std::string& body);

class TestServer {
  public:
    using Handler = std::function<Reply(const Received&)>;

    explicit TestServer(Handler handler);
    TestServer(const TestServer&) = delete;
    TestServer& operator=(const TestServer&) = delete;
    ~TestServer();

    std::string url() const;
    std::string host() const;  // "127.0.0.1:12345"
    std::vector<Received> received() const;

  private:
    struct Connection;
    void serve();
    bool read_from(Connection& connection);

    Handler handler_;
    int port_ = 0;
    int listener_ = -1;
    int stop_[2] = {-1, -1};
    mutable std::mutex mutex_;
    std::vector<Received> received_;
    std::thread thread_;
};

// "127.0.0.1:<port>" of a port that was free a moment ago: nobody answers there.
std::string dead_host();

}  // namespace polygon::http
