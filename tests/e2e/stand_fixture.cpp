#include "tests/e2e/stand_fixture.h"

#include <cstdio>
#include <exception>
#include <memory>

#include <fmt/format.h>

namespace polygon::e2e {
namespace {

// Owns the stand for the life of the process.
struct Shared {
    std::unique_ptr<support::Stand> stand;
    bool has_failed = false;

    ~Shared() {
        if (!stand || !has_failed) return;
        stand->workspace().print_log_tails();
        stand->workspace().keep();
        fmt::print(stderr, "kept: {}\n", stand->workspace().path().string());
    }
};

Shared& shared() {
    static Shared instance;
    return instance;
}

}  // namespace

support::Stand& stand() {
    Shared& instance = shared();
    if (!instance.stand) {
        instance.stand = require(support::Stand::make(stand_settings()));
        require(prepare_stand(*instance.stand));
    }
    return *instance.stand;
}

support::Stand& rebuilt_stand() {
    // Without a rebuild nothing has asked for the identifier that it replaces.
    if (stand().previous_identifier().empty()) require(stand().rebuild({}));
    return stand();
}

StandGuard::StandGuard() : exceptions_(std::uncaught_exceptions()) {
    if (shared().has_failed) FAIL("an earlier test failed, the state of the clusters is unknown");
}

StandGuard::~StandGuard() {
    // A failed REQUIRE is an exception.
    if (std::uncaught_exceptions() > exceptions_) shared().has_failed = true;
}

void require_all_proofs() {
    for (const support::Proof& proof : support::all_proofs()) {
        INFO(proof.title);
        require(proof.check(stand()));
    }
}

}  // namespace polygon::e2e
