// HTTP by libcurl: one request, one answer, with a connect timeout, a total deadline and a largest body.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/base/result.h"
#include "common/base/secret.h"

namespace polygon::http {

enum class Method { get, post, put, patch, remove };

enum class Verification { peer, none };

struct Tls {
    std::string ca_file;  // empty: the system's authorities
    std::string certificate_file;
    std::string key_file;
    Secret key_password;
    Verification verification = Verification::peer;
};

struct BasicAuth {
    std::string user;
    Secret password;
};

// Whether the server may see the request twice. libcurl sends it again by itself when a connection it reuses breaks
// before the first byte of an answer; `once` takes a fresh connection, for which it does not.
enum class Delivery { repeatable, once };

// What became of a request that got no answer.
enum class Sent { no, maybe };

// What stood in the way of an answer, as far as it tells which setting to look at. broken_off: the server hung up
// without a word, which is how many say that they speak https alone, or not at all, or do not like our certificate.
enum class Failure { other, server_certificate, own_certificate, broken_off };

struct Request {
    Method method = Method::get;
    std::string url;  // http or https
    std::vector<std::pair<std::string, std::string>> headers;
    std::string body;
    std::optional<BasicAuth> auth;
    Tls tls;
    Delivery delivery = Delivery::repeatable;
    std::chrono::milliseconds connect_timeout{2000};
    std::chrono::milliseconds total_timeout{5000};
    std::size_t largest_body_bytes = 16U << 20U;
};

struct Response {
    int status = 0;
    std::string body;
};

// Owns one libcurl handle and so its open connection, which the next request to the same server reuses. Not for two
// threads at once. No proxy of the environment, no redirects, no signals.
class Client {
  public:
    Client();
    Client(Client&&) noexcept;
    Client& operator=(Client&&) noexcept;
    ~Client();

    // Any HTTP status is a Response. No answer, or a body over the limit, is Errc::http_unavailable: "cannot reach
    // 'http://host:port/path': <libcurl's reason>", Retry::safe; user and password in the URL are left out.
    Result<Response> send(const Request& request);

    // For the last send() that failed: whether the server can have got the request.
    Sent last_sent() const;
    // Of the same.
    Failure last_failure() const;

  private:
    struct Handle;
    std::unique_ptr<Handle> handle_;
};

// The URL without "user:password@": for messages.
std::string without_credentials(const std::string& url);

}  // namespace polygon::http
