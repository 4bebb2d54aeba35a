// A connection string of libpq's, taken apart so that its password goes where nobody sees it.
#pragma once

#include <map>
#include <string>

#include "common/base/result.h"
#include "common/base/secret.h"

namespace polygon::postgres {

struct Conninfo {
    std::map<std::string, std::string> keywords;  // without the password
    Secret password;                              // empty: libpq looks for one itself, in PGPASSWORD or a passfile

    // "host='prod' user='replicator'": libpq's form of the keywords, fit for an argv.
    std::string text() const;
    // "prod:5433", as far as it is known: for messages.
    std::string server() const;
};

// "host=… user=…" or "postgresql://…". Errc::configuration for what libpq does not understand, and for secrets other
// than the password, which have no way round the argv; `origin` is for the message, which quotes nothing.
Result<Conninfo> parse_conninfo(const std::string& conninfo, const std::string& origin);

// All keywords of such a string, passwords included; a value is text, whatever it looks like.
Result<std::map<std::string, Secret>> parse_keywords(const std::string& conninfo, const std::string& origin);

}  // namespace polygon::postgres
