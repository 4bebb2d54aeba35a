// Ways to other systems that a clone still has, for its users to know.
#pragma once

#include "common/base/result.h"
#include "common/postgres/connection.h"
#include "common/sanitize/findings.h"

namespace polygon::sanitize {

// Of the session's database: "foreign server 'partner' of postgres_fdw, to partner.example:5432", each, with host and
// port of its options and nothing else of them; "extension dblink, whose callers may connect anywhere"; "3 functions in
// the untrusted language plpython3u, which may connect anywhere: public.f, …"; functions of libraries that are in no
// extension.
Result<Lines> list_ways_out(postgres::Connection& session);

}  // namespace polygon::sanitize
