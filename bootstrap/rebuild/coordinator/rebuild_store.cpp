#include "bootstrap/rebuild/coordinator/rebuild_store.h"

#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "common/base/log.h"
#include "common/base/printable.h"

namespace polygon::rebuild {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kKeptHistories = 50;
constexpr auto kOrderLifetime = 60s;
constexpr std::size_t kRemovedAtOnce = 100;  // etcd refuses more than 128 operations

const char* word_of(Order order) {
    return order == Order::abort ? "abort" : "rollback";
}

std::optional<Order> parse_order(const std::string& text) {
    for (const Order order : {Order::abort, Order::rollback}) {
        if (text == word_of(order)) return order;
    }
    return std::nullopt;
}

// Neither goes back to what it was: whose lease has ended holds nothing, and who leads is decided anew.
bool is_put_back(const std::string& relative_key) {
    return relative_key != "leader" && !relative_key.starts_with("members/");
}

}  // namespace

View make_view(const Situation& situation) {
    View view{.plan = *situation.plan.value,
              .phase = *situation.phase.value,
              .cluster = situation.cluster.keys,
              .order = situation.order};
    for (const auto& [name, node] : situation.nodes)
        view.nodes.emplace(name, *node.value);
    if (situation.generation.value) view.proven = situation.generation.value->generation;
    return view;
}

RebuildStore::RebuildStore(const patroni::Configuration& configuration)
    : cluster_prefix_(configuration.key_prefix()), keys_(cluster_prefix_), client_(configuration.etcd3) {}

Result<Situation> RebuildStore::look() {
    Situation seen;
    // The cluster first: what follows is newer, and what is compared with it stands on this read.
    seen.cluster = TRY(read_cluster(client_, cluster_prefix_));
    const etcd::Snapshot orders = TRY(client_.read_prefix(keys_.orders()));
    seen.phase = TRY(etcd::find_stored(orders, keys_.phase(), etcd::parse_phase));
    seen.plan = TRY(etcd::find_stored(orders, keys_.plan(), etcd::parse_plan));
    for (const etcd::KeyValue& entry : TRY(client_.read_prefix(keys_.nodes())).entries) {
        auto node = etcd::parse_stored(entry, etcd::parse_node);
        if (node) seen.nodes.emplace(entry.key.substr(keys_.nodes().size()), *std::move(node));
    }
    seen.generation = TRY(etcd::read_stored(client_, keys_.generation(), etcd::parse_generation));
    // Last: a phase that is entered by this look was wanted by whoever had given no order until now.
    if (const auto entry = TRY(client_.read(keys_.order()))) {
        seen.order = understand_order(entry->value);
        seen.order_revision = entry->mod_revision;
    }
    return seen;
}

// Somebody's slip must not end a rebuild that has stopped the polygon.
Order RebuildStore::understand_order(const std::string& text) {
    const std::optional<Order> order = parse_order(text);
    if (!order && text != unknown_order_) {
        log_warning(fmt::format("the key '{}' holds '{}', which is no order: nothing is done about it", keys_.order(),
                                printable(text)),
                    {{"known", fmt::format("{}, {}", word_of(Order::abort), word_of(Order::rollback))}});
    }
    unknown_order_ = order ? "" : text;
    return order.value_or(Order::none);
}

Result<std::vector<etcd::HistoryRecord>> RebuildStore::read_history() {
    std::vector<etcd::HistoryRecord> records;
    for (const etcd::KeyValue& entry : TRY(client_.read_prefix(keys_.histories())).entries) {
        auto record = etcd::parse_history(entry.value);
        if (record)
            records.push_back(*std::move(record));
        else
            log_warning(record.error().message, {{"key", entry.key}});
    }
    return records;
}

Result<std::optional<std::string>> RebuildStore::read_holder() {
    const auto entry = TRY(client_.read(keys_.lock()));
    return entry ? std::optional(entry->value) : std::nullopt;
}

Status RebuildStore::ask(const etcd::ProofRequest& request, etcd::LeaseId lease) {
    etcd::Transaction transaction{.compares = {etcd::absent(keys_.preflight()), etcd::absent(keys_.proof())},
                                  .then = {etcd::put(keys_.proof(), etcd::to_json(request), lease)}};
    if (request.purpose == etcd::ProofPurpose::rehearse)
        transaction.then.push_back(etcd::put(keys_.preflight(), fmt::format(R"({{"id": "{}"}})", request.id), lease));
    if (TRY(client_.commit(transaction)).succeeded) return {};
    return Error{
        Errc::conflict,
        fmt::format("somebody else asks the nodes already (keys '{}' and '{}')", keys_.preflight(), keys_.proof()),
        "Run the same command again in a minute.", Retry::safe};
}

Status RebuildStore::withdraw_request(const etcd::ProofRequest& request) {
    TRY(client_.commit({.compares = {etcd::value_is(keys_.proof(), etcd::to_json(request))},
                        .then = {etcd::remove(keys_.preflight()), etcd::remove(keys_.proof())}}));
    return {};
}

Result<etcd::LeaseId> RebuildStore::grant_lease(std::chrono::seconds ttl) {
    return TRY(client_.grant_lease(ttl)).id;
}

etcd::Transaction RebuildStore::on(const etcd::Lock& lock, const Situation& seen, const etcd::PhaseRecord& next) const {
    etcd::Transaction transaction{.compares = {lock.is_mine(), etcd::unchanged(keys_.phase(), seen.phase.revision),
                                               etcd::unchanged(keys_.order(), seen.order_revision)},
                                  .then = {etcd::put(keys_.phase(), etcd::to_json(next))}};
    if (seen.order_revision != 0) transaction.then.push_back(etcd::remove(keys_.order()));
    return transaction;
}

// Whoever waits for an etcd that refuses waits for ever.
Result<Attempt> RebuildStore::commit(const etcd::Transaction& transaction, Errc when_refused) {
    const Result<etcd::Outcome> outcome = client_.commit(transaction);
    if (outcome) return outcome->succeeded ? Attempt::done : Attempt::changed_meanwhile;
    Error error = outcome.error();
    if (error.code != Errc::etcd_unavailable || !client_.has_refused()) return error;
    error.code = when_refused;
    if (error.hint.empty()) error.hint = "Mend in etcd what it complains of; then polygon-rebuild resume goes on.";
    return error;
}

// Whoever else holds the lock has written what has changed.
Result<Attempt> RebuildStore::commit_as_holder(const etcd::Lock& lock, const etcd::Transaction& transaction) {
    if (TRY(commit(transaction)) == Attempt::done) return Attempt::done;
    TRY(commit_or_conflict({.compares = {lock.is_mine()}, .then = {}}, "nothing was written"));
    return Attempt::changed_meanwhile;
}

Status RebuildStore::commit_or_conflict(const etcd::Transaction& transaction, const std::string& what,
                                        Errc when_refused) {
    if (TRY(commit(transaction, when_refused)) == Attempt::done) return {};
    return Error{Errc::conflict,
                 fmt::format("{}: another coordinator has taken over, or the keys under '{}' changed meanwhile", what,
                             keys_.prefix()),
                 "Look at polygon-rebuild status."};
}

Status RebuildStore::begin(const etcd::Lock& lock, const Situation& seen, const etcd::Plan& plan,
                           const etcd::PhaseRecord& first) {
    if (seen.order != Order::none)
        return Error{
            Errc::conflict,
            fmt::format("the key '{}' holds an order to go back, given to the rebuild before; nothing was begun",
                        keys_.order()),
            "Run the same command again in a minute: an order lives no longer unless it was written by hand.",
            Retry::safe};
    etcd::Transaction transaction = on(lock, seen, first);
    transaction.compares.push_back(etcd::unchanged(keys_.plan(), seen.plan.revision));
    transaction.compares.push_back(etcd::unchanged(keys_.generation(), seen.generation.revision));
    transaction.compares.push_back(etcd::value_is(cluster_prefix_ + "initialize", plan.system_identifier));
    transaction.then.push_back(etcd::put(keys_.plan(), etcd::to_json(plan)));
    transaction.then.push_back(etcd::remove(keys_.preflight()));
    transaction.then.push_back(etcd::remove(keys_.proof()));
    Status begun = commit_or_conflict(transaction, "the rebuild was not begun", Errc::refused);
    if (!begun && begun.error().code == Errc::refused) begun.error().hint = "Mend that in etcd. Nothing was begun.";
    return begun;
}

Status RebuildStore::resume(const etcd::Lock& lock, const Situation& seen, const etcd::PhaseRecord& next) {
    return commit_or_conflict({.compares = {lock.is_mine(), etcd::unchanged(keys_.phase(), seen.phase.revision)},
                               .then = {etcd::put(keys_.phase(), etcd::to_json(next))}},
                              fmt::format("phase {} was not resumed", etcd::to_text(next.phase)));
}

Result<Attempt> RebuildStore::enter(const etcd::Lock& lock, const Situation& seen, const etcd::PhaseRecord& next) {
    return commit_as_holder(lock, on(lock, seen, next));
}

Result<Attempt> RebuildStore::restart(const etcd::Lock& lock, const Situation& seen, const etcd::PhaseRecord& next) {
    etcd::Transaction transaction = on(lock, seen, next);
    for (const etcd::KeyValue& entry : seen.cluster.entries) {
        const auto config = entry.key == cluster_prefix_ + "config" ? without_pause(entry.value) : std::nullopt;
        if (!config) continue;
        transaction.compares.push_back(etcd::mod_revision_is(entry.key, entry.mod_revision));
        transaction.then.push_back(etcd::put(entry.key, *config));
    }
    return commit_as_holder(lock, transaction);
}

// Also that no agent has written since: whoever starts Patroni says so first.
void RebuildStore::require_all_stopped(const Situation& seen, etcd::Transaction& transaction) const {
    transaction.compares.push_back(etcd::absent(cluster_prefix_ + "leader"));
    transaction.compares.push_back(etcd::prefix_unchanged_since(cluster_prefix_, seen.cluster.revision));
    for (const std::string& member : seen.plan.value->members)
        transaction.compares.push_back(etcd::unchanged(keys_.node(member), seen.nodes.at(member).revision));
}

Result<Attempt> RebuildStore::clear(const etcd::Lock& lock, const Situation& seen, const etcd::PhaseRecord& next) {
    etcd::Transaction transaction = on(lock, seen, next);
    require_all_stopped(seen, transaction);
    transaction.compares.push_back(etcd::value_is(cluster_prefix_ + "initialize", seen.plan.value->system_identifier));
    save_and_delete(seen.cluster, keys_, seen.plan.value->generation, transaction);
    return commit_as_holder(lock, transaction);
}

Result<Attempt> RebuildStore::put_back(const etcd::Lock& lock, const Situation& seen, const etcd::PhaseRecord& next) {
    const etcd::Plan& plan = *seen.plan.value;
    const std::string saved = keys_.saved(plan.generation, "");
    etcd::Transaction transaction = on(lock, seen, next);
    require_all_stopped(seen, transaction);
    std::set<std::string> restored;  // etcd refuses two operations on one key
    for (const etcd::KeyValue& entry : TRY(client_.read_prefix(saved)).entries) {
        const std::string relative = entry.key.substr(saved.size());
        if (!is_put_back(relative)) continue;
        restored.insert(cluster_prefix_ + relative);
        const auto unpaused = relative == "config" ? without_pause(entry.value) : std::nullopt;
        transaction.then.push_back(etcd::put(cluster_prefix_ + relative, unpaused.value_or(entry.value)));
    }
    if (!restored.contains(cluster_prefix_ + "initialize")) {
        return Error{Errc::needs_person, fmt::format("nothing is saved under '{}' that could be put back", saved),
                     "Look at the keys of etcd; polygon-rebuild reset begins anew."};
    }
    for (const etcd::KeyValue& entry : seen.cluster.entries) {
        if (!restored.contains(entry.key)) transaction.then.push_back(etcd::remove(entry.key));
    }
    transaction.then.push_back(plan.replaced_generation.empty()
                                   ? etcd::remove(keys_.generation())
                                   : etcd::put(keys_.generation(), plan.replaced_generation));
    return commit_as_holder(lock, transaction);
}

Result<Attempt> RebuildStore::finish(const etcd::Lock& lock, const Situation& seen, const etcd::PhaseRecord& last,
                                     const etcd::HistoryRecord& history, const std::string& verified_at) {
    etcd::Transaction transaction = on(lock, seen, last);
    transaction.then.push_back(etcd::put(keys_.history(history.generation), etcd::to_json(history)));
    if (last.phase == etcd::Phase::done) {
        etcd::Generation generation = *seen.generation.value;
        generation.verified_at = verified_at;
        transaction.compares.push_back(etcd::unchanged(keys_.generation(), seen.generation.revision));
        transaction.then.push_back(etcd::put(keys_.generation(), etcd::to_json(generation)));
    }
    if (TRY(commit_as_holder(lock, transaction)) == Attempt::changed_meanwhile) return Attempt::changed_meanwhile;
    std::set<std::string> kept = {history.generation};
    if (seen.generation.value) kept.insert(seen.generation.value->generation);
    if (const Status pruned = prune(lock, kept); !pruned) log_warning(pruned.error().message);
    return Attempt::done;
}

Status RebuildStore::prune(const etcd::Lock& lock, const std::set<std::string>& kept) {
    std::vector<etcd::Operation> removals;
    const std::string all_saved = keys_.prefix() + "saved/";
    for (const etcd::KeyValue& entry : TRY(client_.read_prefix(all_saved)).entries) {
        const std::string relative = entry.key.substr(all_saved.size());
        if (!kept.contains(relative.substr(0, relative.find('/')))) removals.push_back(etcd::remove(entry.key));
    }
    const std::vector<etcd::KeyValue> histories = TRY(client_.read_prefix(keys_.histories())).entries;
    for (std::size_t i = 0; i + kKeptHistories < histories.size(); ++i)
        removals.push_back(etcd::remove(histories[i].key));
    for (std::size_t from = 0; from < removals.size(); from += kRemovedAtOnce) {
        const auto first = removals.begin() + static_cast<std::ptrdiff_t>(from);
        const std::size_t count = std::min(kRemovedAtOnce, removals.size() - from);
        TRY(client_.commit(
            {.compares = {lock.is_mine()}, .then = {first, first + static_cast<std::ptrdiff_t>(count)}}));
    }
    return {};
}

Status RebuildStore::store_certificate(const etcd::Lock& lock, const std::string& json) {
    return commit_or_conflict({.compares = {lock.is_mine()}, .then = {etcd::put(keys_.certificate(), json)}},
                              "the certificate was not stored");
}

Result<etcd::LeaseId> RebuildStore::give_order(Order order) {
    const etcd::LeaseId lease = TRY(client_.grant_lease(kOrderLifetime)).id;
    while (true) {
        const auto there = TRY(client_.read(keys_.order()));
        if (there && order == Order::abort && parse_order(there->value) == Order::rollback) return lease;
        const etcd::Outcome put =
            TRY(client_.commit({.compares = {etcd::unchanged(keys_.order(), there ? there->mod_revision : 0)},
                                .then = {etcd::put(keys_.order(), word_of(order), lease)}}));
        if (put.succeeded) return lease;
    }
}

Status RebuildStore::keep_order(etcd::LeaseId given) {
    return client_.keep_alive(given);
}

Status RebuildStore::withdraw_order(etcd::LeaseId given) {
    return client_.revoke_lease(given);
}

}  // namespace polygon::rebuild
