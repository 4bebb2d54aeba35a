#include "bootstrap/restore/recovery.h"

#include "tests/support/catch.h"

namespace polygon::bootstrap {
namespace {

using Kind = patroni::RecoveryTarget::Kind;

patroni::RecoverySettings to(Kind kind, const std::string& value) {
    patroni::RecoverySettings recovery;
    recovery.restore_command.value = "cp /archive/%f %p";
    recovery.target = patroni::RecoveryTarget{kind, value, "p.yml:9"};
    return recovery;
}

const Error kServerEnded{Errc::process_failed, "PostgreSQL ended with status 1", "Its own message says why."};

TEST_CASE("without a target recovery stops where the backup ends, and asks no archive unless there is one") {
    patroni::RecoverySettings recovery;
    const postgres::ServerParameters parameters = recovery_parameters(recovery);
    CHECK(parameters == postgres::ServerParameters{{"recovery_target", "immediate"},
                                                   {"recovery_target_action", "promote"},
                                                   {"restore_command", "false"}});
    recovery.restore_command.value = "cp /archive/%f %p";
    CHECK(recovery_parameters(recovery).at("restore_command") == "cp /archive/%f %p");
    CHECK(describe_target(recovery) == "the end of the backup");
}

TEST_CASE("a target becomes PostgreSQL's parameter of that name, and stands alone") {
    const std::pair<Kind, const char*> kinds[] = {{Kind::time, "recovery_target_time"},
                                                  {Kind::lsn, "recovery_target_lsn"},
                                                  {Kind::xid, "recovery_target_xid"},
                                                  {Kind::name, "recovery_target_name"}};
    for (const auto& [kind, parameter] : kinds) {
        patroni::RecoverySettings recovery = to(kind, "x");
        recovery.target_inclusive.value = false;
        recovery.target_timeline.value = "current";
        CHECK(recovery_parameters(recovery) == postgres::ServerParameters{{parameter, "x"},
                                                                          {"recovery_target_action", "promote"},
                                                                          {"recovery_target_inclusive", "off"},
                                                                          {"recovery_target_timeline", "current"},
                                                                          {"restore_command", "cp /archive/%f %p"}});
    }
}

TEST_CASE("a target that was not reached is named, with how far the WAL went") {
    const Error error =
        explain_failed_recovery(kServerEnded,
                                "LOG:  redo done at 0/5000098 system usage: CPU: user: 0.00 s\n"
                                "LOG:  last completed transaction was at log time 2026-11-20 02:59:58.5+00\n"
                                "FATAL:  recovery ended before configured recovery target was reached\n",
                                to(Kind::time, "2099-01-01"));
    CHECK(error.code == Errc::target_unreached);
    CHECK(error.message ==
          "recovery did not reach target_time '2099-01-01' (p.yml:9); the WAL ends at 0/5000098; its "
          "last transaction is of 2026-11-20 02:59:58.5+00");
    CHECK(error.hint == "Choose an earlier target, or let recovery.restore_command find the WAL that leads to it.");
}

TEST_CASE("a backup without the WAL to its own end") {
    const Error error = explain_failed_recovery(
        kServerEnded, "FATAL:  recovery ended before configured recovery target was reached\n", {});
    CHECK(error.code == Errc::target_unreached);
    CHECK(error.message == "recovery did not reach the end of the backup");
    CHECK_THAT(error.hint, ContainsText("--wal-method=stream"));
}

TEST_CASE("a target before the end of the backup") {
    const Error error = explain_failed_recovery(
        kServerEnded, "FATAL:  requested recovery stop point is before consistent recovery point\n",
        to(Kind::lsn, "0/1"));
    CHECK(error.code == Errc::target_unreached);
    CHECK(error.message == "target_lsn '0/1' (p.yml:9) lies before the end of the backup");
    CHECK(error.hint == "Choose a later target, or restore an older backup.");
}

TEST_CASE("another end of the server is left as it is") {
    const Error error = explain_failed_recovery(kServerEnded, "PANIC:  could not locate a valid checkpoint record\n",
                                                to(Kind::xid, "7"));
    CHECK(error.code == kServerEnded.code);
    CHECK(error.message == kServerEnded.message);
}

}  // namespace
}  // namespace polygon::bootstrap
