#include "common/http/client.h"

#include <array>
#include <string_view>

#include <curl/curl.h>
#include <fmt/format.h>

namespace polygon::http {
namespace {

struct HeaderList {
    curl_slist* head = nullptr;

    HeaderList() = default;
    HeaderList(const HeaderList&) = delete;
    HeaderList& operator=(const HeaderList&) = delete;
    ~HeaderList() { curl_slist_free_all(head); }

    void add(const std::string& line) {
        if (curl_slist* longer = curl_slist_append(head, line.c_str())) head = longer;
    }
};

struct Body {
    std::string text;
    std::size_t limit = 0;
    bool is_too_large = false;
};

std::size_t append_body(const char* bytes, std::size_t size, std::size_t count, void* into) {
    auto& body = *static_cast<Body*>(into);
    body.is_too_large = body.text.size() + size * count > body.limit;
    if (body.is_too_large) return 0;
    body.text.append(bytes, size * count);
    return size * count;
}

const char* verb_of(Method method) {
    switch (method) {
        case Method::get:
            return "GET";
        case Method::post:
            return "POST";
        case Method::put:
            return "PUT";
        case Method::patch:
            return "PATCH";
        case Method::remove:
            return "DELETE";
    }
    return "GET";
}

// Once a process, before any thread of ours can be in libcurl.
void initialize_library() {
    static const CURLcode done = curl_global_init(CURL_GLOBAL_DEFAULT);
    static_cast<void>(done);
}

void allow_http_only(CURL* curl) {
#if LIBCURL_VERSION_NUM >= 0x075500
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
#else
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS, static_cast<long>(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
}

void set_manners(CURL* curl, const Request& request) {
    allow_http_only(curl);
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    // etcd serves gRPC, which is HTTP/2, on the same port: ask for nothing that might be taken for it.
    curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(request.connect_timeout.count()));
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(request.total_timeout.count()));
    if (request.delivery == Delivery::once) curl_easy_setopt(curl, CURLOPT_FRESH_CONNECT, 1L);
}

void set_if_given(CURL* curl, CURLoption option, const std::string& value) {
    if (!value.empty()) curl_easy_setopt(curl, option, value.c_str());
}

void set_tls(CURL* curl, const Tls& tls) {
    set_if_given(curl, CURLOPT_CAINFO, tls.ca_file);
    set_if_given(curl, CURLOPT_SSLCERT, tls.certificate_file);
    set_if_given(curl, CURLOPT_SSLKEY, tls.key_file);
    set_if_given(curl, CURLOPT_KEYPASSWD, tls.key_password.reveal());
    const bool is_verified = tls.verification == Verification::peer;
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, is_verified ? 1L : 0L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, is_verified ? 2L : 0L);
}

void set_auth(CURL* curl, const std::optional<BasicAuth>& auth) {
    if (!auth) return;
    curl_easy_setopt(curl, CURLOPT_HTTPAUTH, static_cast<long>(CURLAUTH_BASIC));
    curl_easy_setopt(curl, CURLOPT_USERNAME, auth->user.c_str());
    curl_easy_setopt(curl, CURLOPT_PASSWORD, auth->password.reveal().c_str());
}

void set_content(CURL* curl, const Request& request) {
    curl_easy_setopt(curl, CURLOPT_URL, request.url.c_str());
    if (request.method == Method::get) {
        curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L);
        return;
    }
    // A verb of its own over POST: so that a body goes along and no "Expect: 100-continue" dance depends on the verb.
    curl_easy_setopt(curl, CURLOPT_POST, 1L);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, verb_of(request.method));
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request.body.c_str());
}

void set_headers(CURL* curl, const Request& request, HeaderList& headers) {
    headers.add("Expect:");  // Python's http.server, which Patroni uses, answers it a second late
    for (const auto& [name, value] : request.headers)
        headers.add(name + ": " + value);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.head);
}

bool has(std::string_view text, std::string_view part) {
    return text.find(part) != std::string_view::npos;
}

// With TLS 1.3 a server's word on our certificate comes as an alert after the handshake, and libcurl has no code for
// it: OpenSSL's texts are in ssl/ssl_err.c.
bool is_refused_certificate(std::string_view reason) {
    return has(reason, " alert ") && (has(reason, "certificate") || has(reason, "unknown ca"));
}

bool is_broken_off(CURLcode code) {
    return code == CURLE_GOT_NOTHING || code == CURLE_SSL_CONNECT_ERROR || code == CURLE_SEND_ERROR ||
           code == CURLE_RECV_ERROR;
}

Failure find_failure(CURLcode code, std::string_view reason) {
    switch (code) {
        case CURLE_PEER_FAILED_VERIFICATION:
        case CURLE_SSL_CACERT_BADFILE:
        case CURLE_SSL_ISSUER_ERROR:
            return Failure::server_certificate;
        case CURLE_SSL_CERTPROBLEM:
            return Failure::own_certificate;
        default:
            break;
    }
    // Newer libcurls have another code than CURLE_SSL_CERTPROBLEM for a key that does not fit its certificate.
    if (is_refused_certificate(reason) || has(reason, "private key file")) return Failure::own_certificate;
    return is_broken_off(code) ? Failure::broken_off : Failure::other;
}

}  // namespace

struct Client::Handle {
    CURL* curl = nullptr;
    Sent last_sent = Sent::no;
    Failure last_failure = Failure::other;

    Handle() {
        initialize_library();
        curl = curl_easy_init();
    }
    Handle(const Handle&) = delete;
    Handle& operator=(const Handle&) = delete;
    ~Handle() { curl_easy_cleanup(curl); }
};

Client::Client() : handle_(std::make_unique<Handle>()) {}
Client::Client(Client&&) noexcept = default;
Client& Client::operator=(Client&&) noexcept = default;
Client::~Client() = default;

Result<Response> Client::send(const Request& request) {
    CURL* curl = handle_->curl;
    if (curl == nullptr) return Error{Errc::internal, "cannot create a libcurl handle", ""};
    curl_easy_reset(curl);  // keeps the connection
    std::array<char, CURL_ERROR_SIZE> reason = {};
    HeaderList headers;
    Body body;
    body.limit = request.largest_body_bytes;
    set_manners(curl, request);
    set_tls(curl, request.tls);
    set_auth(curl, request.auth);
    set_content(curl, request);
    set_headers(curl, request, headers);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, reason.data());
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, append_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &body);

    const CURLcode code = curl_easy_perform(curl);
    long status = 0;
    long sent_bytes = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(curl, CURLINFO_REQUEST_SIZE, &sent_bytes);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, nullptr);  // they point into this frame
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, nullptr);
    handle_->last_sent = sent_bytes > 0 ? Sent::maybe : Sent::no;
    if (code == CURLE_OK) return Response{static_cast<int>(status), std::move(body.text)};

    std::string why = reason[0] != '\0' ? std::string(reason.data()) : std::string(curl_easy_strerror(code));
    handle_->last_failure = find_failure(code, why);
    // A server that refuses the handshake reads no request, though it may have been sent by then.
    if (handle_->last_failure == Failure::own_certificate) handle_->last_sent = Sent::no;
    if (body.is_too_large) why = fmt::format("the answer is larger than {} bytes", body.limit);
    return Error{Errc::http_unavailable, fmt::format("cannot reach '{}': {}", without_credentials(request.url), why),
                 "", Retry::safe};
}

Sent Client::last_sent() const {
    return handle_->last_sent;
}

Failure Client::last_failure() const {
    return handle_->last_failure;
}

std::string without_credentials(const std::string& url) {
    const std::size_t scheme = url.find("://");
    const std::size_t begin = scheme == std::string::npos ? 0 : scheme + 3;
    // The last '@' before the path: a password may hold one as well.
    const std::size_t end = url.find_first_of("/?#", begin);
    const std::size_t at = url.substr(0, end).rfind('@');
    if (at == std::string::npos || at < begin) return url;
    return url.substr(0, begin) + url.substr(at + 1);
}

}  // namespace polygon::http
