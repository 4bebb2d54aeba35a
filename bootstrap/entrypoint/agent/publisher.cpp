#include "bootstrap/entrypoint/agent/publisher.h"

#include <algorithm>

#include "common/base/log.h"

namespace polygon::entrypoint {
namespace {

using namespace std::chrono_literals;

constexpr auto kLease = 15s;
constexpr auto kKeepAlive = 5s;
constexpr auto kProgressInterval = 1000ms;
constexpr auto kRoomInterval = 10s;
constexpr std::uint64_t kRoomStep = 64U << 20U;  // bytes
constexpr std::size_t kLongestText = 2048;
constexpr std::size_t kLongestReport = 256U << 10U;

// What is worth a write at any time.
std::string essence(etcd::NodeRecord record) {
    record.updated_at.clear();
    record.free_bytes = 0;
    record.used_bytes = 0;
    if (record.answer) {
        record.answer->bytes_done = 0;
        record.answer->bytes_total = 0;
    }
    if (record.proof) {
        // A base backup that waits for a checkpoint is all that happens then: each look that finds one is news.
        if (record.proof->waiting_backups == 0) record.proof->taken_at.clear();
        record.proof->current_lsn = 0;  // testers write all the time, and the leader's record is large
    }
    return to_json(record);
}

bool differs_in_progress(const etcd::NodeRecord& a, const etcd::NodeRecord& b) {
    return a.answer && b.answer &&
           (a.answer->bytes_done != b.answer->bytes_done || a.answer->bytes_total != b.answer->bytes_total);
}

std::uint64_t distance(std::uint64_t a, std::uint64_t b) {
    return a > b ? a - b : b - a;
}

void cut(std::string& text) {
    if (text.size() <= kLongestText) return;
    std::size_t end = kLongestText;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U)  // inside a UTF-8 sequence
        --end;
    text.resize(end);
    text += "…";
}

}  // namespace

bool is_worth_writing(const etcd::NodeRecord& written, const etcd::NodeRecord& now, std::chrono::milliseconds since) {
    if (essence(written) != essence(now)) return true;
    if (since >= kProgressInterval && differs_in_progress(written, now)) return true;
    return since >= kRoomInterval && std::max(distance(written.free_bytes, now.free_bytes),
                                              distance(written.used_bytes, now.used_bytes)) >= kRoomStep;
}

etcd::NodeRecord cut_to_size(etcd::NodeRecord record) {
    cut(record.decision);
    if (record.answer) {
        cut(record.answer->activity);
        cut(record.answer->error);
    }
    if (record.proof) {
        cut(record.proof->error);
        for (etcd::Login& login : record.proof->logins)
            cut(login.error);
    }
    if (!record.preflight) return record;
    cut(record.preflight->error);
    if (record.preflight->report.size() > kLongestReport) {
        record.preflight->report.clear();
        record.preflight->error = "the report is longer than 256 kB";
    }
    return record;
}

Status Publisher::publish(etcd::NodeRecord record) {
    TRY(keep_lease());
    record = cut_to_size(std::move(record));
    const auto since = std::chrono::duration_cast<std::chrono::milliseconds>(clock_.now() - written_at_);
    if (written_ && !is_worth_writing(*written_, record, since)) return {};
    record.updated_at = format_utc(clock_.wall());
    const Result<etcd::Outcome> put = etcd_.commit({.then = {etcd::put(key_, to_json(record), lease_)}});
    if (!put) {
        written_.reset();  // whether it is there is not known
        if (put.error().code == Errc::conflict) lease_ = etcd::kNoLease;
        return put.error();
    }
    written_ = std::move(record);
    written_at_ = clock_.now();
    return {};
}

Status Publisher::keep_lease() {
    if (lease_ != etcd::kNoLease && clock_.now() - kept_ < kKeepAlive) return {};
    if (lease_ != etcd::kNoLease) {
        const Status kept = etcd_.keep_alive(lease_);
        if (kept) kept_ = clock_.now();
        if (kept || kept.error().code != Errc::conflict) return kept;
        log_warning("the lease of this node's record was lost; it gets another");
        lease_ = etcd::kNoLease;
    }
    written_.reset();
    lease_ = TRY(etcd_.grant_lease(kLease)).id;
    kept_ = clock_.now();
    return {};
}

void Publisher::withdraw() {
    if (lease_ == etcd::kNoLease) return;
    if (const Status revoked = etcd_.revoke_lease(lease_); !revoked) log_debug(revoked.error().message);
    lease_ = etcd::kNoLease;
    written_.reset();
}

}  // namespace polygon::entrypoint
