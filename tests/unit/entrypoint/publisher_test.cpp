#include "bootstrap/entrypoint/agent/publisher.h"

#include "tests/support/catch.h"

namespace polygon::entrypoint {
namespace {

using namespace std::chrono_literals;

etcd::NodeRecord record() {
    return {.name = "polygon1", .decision = "start", .answer = etcd::Answer{.generation = "g2"}};
}

TEST_CASE("a record that did not change is not written again, however long ago it was") {
    etcd::NodeRecord later = record();
    later.updated_at = "2026-11-20T03:00:00Z";
    CHECK_FALSE(is_worth_writing(record(), later, 24h));
}

TEST_CASE("an answer, a decision and Patroni's end are written at once") {
    etcd::NodeRecord now = record();
    now.answer->state = etcd::AnswerState::done;
    CHECK(is_worth_writing(record(), now, 0ms));
    now = record();
    now.decision = "wait";
    CHECK(is_worth_writing(record(), now, 0ms));
    now = record();
    now.is_patroni_running = true;
    CHECK(is_worth_writing(record(), now, 0ms));
    now = record();
    now.answer.reset();
    CHECK(is_worth_writing(record(), now, 0ms));
    now = record();
    now.preflight = etcd::Preflight{.id = "x"};
    CHECK(is_worth_writing(record(), now, 0ms));
}

TEST_CASE("what a node proves is written when it says something new, and not for the time of day") {
    etcd::NodeRecord before = record();
    before.proof = etcd::NodeProof{.id = "p", .taken_at = "2026-11-20T03:00:00Z", .received_lsn = 1};
    etcd::NodeRecord now = before;
    now.proof->taken_at = "2026-11-20T03:00:01Z";
    CHECK_FALSE(is_worth_writing(before, now, 24h));
    now.proof->received_lsn = 2;
    CHECK(is_worth_writing(before, now, 0ms));
}

TEST_CASE("each look at a leader whose base backup waits for a checkpoint is written, although it says nothing else") {
    etcd::NodeRecord before = record();
    before.proof = etcd::NodeProof{.id = "p", .taken_at = "2026-11-20T03:00:00Z", .waiting_backups = 1};
    etcd::NodeRecord now = before;
    now.proof->taken_at = "2026-11-20T03:00:02Z";
    CHECK(is_worth_writing(before, now, 0ms));
}

TEST_CASE("what testers write on the leader does not write its record, evidence and all, again and again") {
    etcd::NodeRecord before = record();
    before.proof = etcd::NodeProof{.id = "p", .current_lsn = 1, .evidence = "{}"};
    etcd::NodeRecord now = before;
    now.proof->current_lsn = 2;
    CHECK_FALSE(is_worth_writing(before, now, 24h));
}

TEST_CASE("progress is written once a second, room once in ten and only a step of it") {
    etcd::NodeRecord now = record();
    now.answer->bytes_done = 1;
    CHECK_FALSE(is_worth_writing(record(), now, 999ms));
    CHECK(is_worth_writing(record(), now, 1000ms));
    now = record();
    now.free_bytes = 64U << 20U;
    CHECK_FALSE(is_worth_writing(record(), now, 9999ms));
    CHECK(is_worth_writing(record(), now, 10s));
    now.free_bytes -= 1;
    CHECK_FALSE(is_worth_writing(record(), now, 10s));
}

TEST_CASE("long texts are cut at a character, a report may have 256 kB") {
    etcd::NodeRecord long_texts = record();
    long_texts.answer->error = std::string(2047, 'x') + "ä and more";
    long_texts.preflight = etcd::Preflight{.id = "x", .report = std::string(256U << 10U, 'r')};
    const etcd::NodeRecord cut = cut_to_size(long_texts);
    CHECK(cut.answer->error == std::string(2047, 'x') + "…");
    CHECK(cut.preflight->report.size() == 256U << 10U);
    CHECK(cut.preflight->error.empty());
    long_texts.preflight->report += "r";
    CHECK(cut_to_size(long_texts).preflight->report.empty());
    CHECK(cut_to_size(long_texts).preflight->error == "the report is longer than 256 kB");
    CHECK(cut_to_size(record()).decision == "start");
}

}  // namespace
}  // namespace polygon::entrypoint
