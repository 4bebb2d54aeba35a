#include "tests/e2e/fault_case.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <filesystem>
#include <optional>

#include <fmt/format.h>

#include "tests/support/outage_watch.h"
#include "tests/support/rebuild_view.h"
#include "tests/support/waiting.h"

namespace polygon::e2e {
namespace {

using namespace std::chrono_literals;
using etcd::Phase;
using support::OperatorCommand;
using support::RebuildView;
using support::Stand;

constexpr std::array kPhases = {Phase::stage,    Phase::copy,   Phase::stop, Phase::clear,  Phase::bootstrap,
                                Phase::replicas, Phase::verify, Phase::undo, Phase::restore};
constexpr const char* kPatience = "20";
constexpr auto kCommandLimit = 400s;
constexpr auto kGlance = 2ms;  // the shortest phase takes some milliseconds
constexpr int kMostRecourses = 4;

bool leads_back(Phase phase) {
    return phase == Phase::undo || phase == Phase::restore;
}

Error wrong(std::string message) {
    return Error{Errc::not_proven, std::move(message)};
}

// What tells the polygon before the rebuild from the one after it.
struct Before {
    std::string system_identifier;
    std::string mark;        // a row of its own
    std::string generation;  // of the rebuild that was before
};

Result<Before> mark_polygon(Stand& stand, RebuildView& view) {
    static int number = 0;
    Before before;
    before.mark = fmt::format("before case {}", ++number);
    support::Database thai = TRY(stand.polygon().connect_to_leader("thai"));
    TRY(thai.run("CREATE TABLE IF NOT EXISTS public.marks (name text)"));
    TRY(thai.run(fmt::format("INSERT INTO public.marks VALUES ('{}')", before.mark)));
    before.system_identifier = TRY(support::read_system_identifier(thai));
    if (const auto phase = TRY(view.phase())) before.generation = phase->generation;
    return before;
}

// True once the rebuild is in this phase; false if it has gone past it, or ended.
bool reaches(RebuildView& view, OperatorCommand& command, const std::string& last_generation, Phase wanted) {
    bool is_there = false;
    const auto is_decided = [&] {
        if (command.poll() || support::is_interrupted()) return true;
        const auto phase = view.phase();
        if (!phase || !*phase || (*phase)->generation == last_generation) return false;
        is_there = (*phase)->phase == wanted;
        return is_there || (*phase)->phase > wanted || etcd::is_terminal((*phase)->phase);
    };
    wait_until(system_clock(), Deadline(system_clock(), kCommandLimit), kGlance, is_decided);
    return is_there;
}

// An operator who wants it back when it is nearly done.
Status ask_to_go_back(Stand& stand, RebuildView& view, OperatorCommand& command, const Before& before,
                      std::optional<OperatorCommand>& order) {
    if (!reaches(view, command, before.generation, Phase::replicas)) return wrong("it did not come to its replicas");
    order = TRY(stand.start_operator({"rollback"}));
    return {};
}

support::Scene make_scene(Stand& stand, OperatorCommand& command, const std::string& leader) {
    auto& nodes = stand.polygon().nodes();
    const auto other = std::find_if(nodes.begin(), nodes.end(), [&](auto& node) { return node.name() != leader; });
    return {stand, command, stand.polygon().node(leader), *other};
}

// As soon as there is something to strike, such as a Patroni that the phase starts; no later than in this phase.
Status strike(const support::Scene& scene, const FaultCase& fault_case, RebuildView& view) {
    Status struck = fault_case.fault->strike(scene);
    wait_until(system_clock(), Deadline(system_clock(), kCommandLimit), kGlance, [&] {
        if (struck || scene.coordinator.poll()) return true;
        const auto phase = view.phase();
        if (!phase || !*phase || (*phase)->phase != fault_case.phase) return true;
        struck = fault_case.fault->strike(scene);
        return struck.has_value();
    });
    return struck;
}

// Until the coordinator has ended, and the fault with it.
Result<int> see_it_through(const support::Scene& scene, const support::Fault& fault, OperatorCommand& command) {
    const Deadline mending(system_clock(), fault.lasts);
    bool is_mended = fault.mend == nullptr;
    TRY(support::wait_for("end of polygon-rebuild", kCommandLimit, [&]() -> Status {
        if (!is_mended && mending.has_passed()) {
            is_mended = true;
            TRY(fault.mend(scene));
        }
        return is_mended && command.poll() ? Status() : Status(wrong("it goes on:\n" + command.output()));
    }));
    return *command.poll();
}

// `resume` or `rollback`; a coordinator that was killed is in the way until its lease has expired.
Result<int> run_recourse(Stand& stand, const char* subcommand, std::string& said) {
    const Deadline expiry(system_clock(), 60s);
    while (true) {
        OperatorCommand command = TRY(stand.start_operator({subcommand, "--patience", kPatience}));
        const int status = TRY(command.wait(kCommandLimit));
        said = command.output();
        if (status != exit_status(Errc::conflict) || expiry.has_passed()) return status;
        system_clock().sleep(500ms);
    }
}

bool is_end(int status) {
    return status == 0 || status == exit_status(Errc::rolled_back) || status == exit_status(Errc::refused);
}

// What a person would do until it is said what has become of the polygon; the status that says so.
Result<int> take_recourse(Stand& stand, support::Recourse recourse, int status, std::string& note) {
    std::string said;
    for (int tries = 0; !is_end(status); ++tries) {
        if (tries == kMostRecourses) return wrong(fmt::format("still status {} after {}: {}", status, note, said));
        const char* const subcommand = recourse == support::Recourse::resume ? "resume" : "rollback";
        const int next = TRY(run_recourse(stand, subcommand, said));
        note += fmt::format("; {} after status {}", subcommand, status);
        status = next;
        if (next == 0 || next == exit_status(Errc::nothing_to_do)) {
            // Success of what was asked for; the phase says which polygon that is.
            const auto phase = TRY(RebuildView(stand.polygon()).phase());
            status = phase && phase->phase == Phase::done ? 0 : exit_status(Errc::rolled_back);
        }
    }
    return status;
}

Status check_old(Stand& stand, const Before& before) {
    for (support::PatroniNode& node : stand.polygon().nodes()) {
        support::Database thai = TRY(node.connect(stand.polygon().credentials().superuser, "thai"));
        const std::string identifier = TRY(support::read_system_identifier(thai));
        if (identifier != before.system_identifier) return wrong(node.name() + " has another system identifier");
        const std::string marks = TRY(thai.value("SELECT count(*) FROM public.marks WHERE name = $1", {before.mark}));
        if (marks != "1") return wrong(fmt::format("{} has {} rows '{}'", node.name(), marks, before.mark));
    }
    return {};
}

Status check_new(Stand& stand, const Before& before) {
    for (support::PatroniNode& node : stand.polygon().nodes()) {
        support::Database thai = TRY(node.connect(stand.polygon().credentials().superuser, "thai"));
        const std::string identifier = TRY(support::read_system_identifier(thai));
        if (identifier == before.system_identifier) return wrong(node.name() + " has the old system identifier");
        if (TRY(support::read_thai(thai)) != stand.production_state().contents)
            return wrong(node.name() + " does not have production's rows");
        if (!TRY(thai.value("SELECT to_regclass('public.marks')")).empty())
            return wrong(node.name() + " still has the old polygon's rows");
    }
    return {};
}

// Nothing of the rebuild stays behind: what was staged or set aside is removed by the agents.
Status check_leftovers(Stand& stand) {
    for (const support::PatroniNode& node : stand.polygon().nodes()) {
        for (const char* directory : {"data.staged", "data.previous"}) {
            if (std::filesystem::exists(node.directory() / directory))
                return wrong(fmt::format("{} still has {}", node.name(), directory));
        }
    }
    return {};
}

// The old data serves, then perhaps the new, then perhaps the old again; never one between two times of the other.
Status check_turns(const support::OutageWatch& watch, int most) {
    std::vector<std::string> turns;
    for (const support::Write& row : watch.writes()) {
        if (turns.empty() || turns.back() != row.system_identifier) turns.push_back(row.system_identifier);
    }
    if (static_cast<int>(turns.size()) <= most) return {};
    return wrong(fmt::format("two sets of data have served by turns, {} times", turns.size()));
}

// As its last status says, and nothing else.
Result<std::string> judge(Stand& stand, const Before& before, int status, const support::OutageWatch& watch) {
    TRY(stand.wait_for_polygon());
    TRY(watch.wait_for_writes(2));
    TRY(support::wait_for("polygon without leftovers", 90s, [&] { return check_leftovers(stand); }));
    TRY(check_turns(watch, status == 0 ? 2 : 3));
    if (status == 0) {
        TRY(check_new(stand, before));
        return std::string("new");
    }
    TRY(check_old(stand, before));
    return std::string(status == exit_status(Errc::refused) ? "old (refused)" : "old");
}

}  // namespace

Result<CaseResult> run_case(Stand& stand, const FaultCase& fault_case) {
    const auto begin = system_clock().now();
    const support::Fault& fault = *fault_case.fault;
    RebuildView view(stand.polygon());
    const Before before = TRY(mark_polygon(stand, view));
    const support::OutageWatch watch(stand.polygon(), "thai");
    TRY(watch.wait_for_writes(2));
    const char* const replicas = fault_case.replicas == etcd::ReplicaSource::staged ? "staged" : "leader";
    OperatorCommand command =
        TRY(stand.start_rebuild({"--patience", kPatience, "--set", fmt::format("replicas={}", replicas)}));
    std::optional<OperatorCommand> order;
    if (leads_back(fault_case.phase)) TRY(ask_to_go_back(stand, view, command, before, order));
    CaseResult result = {.outcome = {}, .note = "not struck"};
    int status = 0;
    if (reaches(view, command, before.generation, fault_case.phase)) {
        const std::optional<etcd::Plan> plan = TRY(view.plan());
        const support::Scene scene = make_scene(stand, command, plan->leader);
        const Status struck = strike(scene, fault_case, view);
        result.note = struck ? "struck" : struck.error().message;
        status = TRY(see_it_through(scene, fault, command));
    } else {
        status = TRY(command.wait(kCommandLimit));
    }
    if (order) TRY(order->wait(kCommandLimit));
    status = TRY(take_recourse(stand, fault.recourse, status, result.note));
    result.outcome = TRY(judge(stand, before, status, watch));
    result.outage = TRY(watch.longest()).length().count();
    result.seconds = std::chrono::duration<double>(system_clock().now() - begin).count();
    return result;
}

std::vector<FaultCase> whole_matrix() {
    std::vector<FaultCase> cases;
    for (const Phase phase : kPhases) {
        for (const support::Fault& fault : support::all_faults()) {
            if (phase < fault.first || phase > fault.last) continue;
            const bool is_staged = phase == Phase::copy || cases.size() % 2 == 0;
            cases.push_back({phase, &fault, is_staged ? etcd::ReplicaSource::staged : etcd::ReplicaSource::leader});
        }
    }
    return cases;
}

std::vector<FaultCase> diagonal() {
    std::vector<FaultCase> cases;
    std::size_t phase = 0;
    for (const support::Fault& fault : support::all_faults()) {
        // The next phase that it means something in.
        while (kPhases[phase] < fault.first || kPhases[phase] > fault.last)
            phase = (phase + 1) % kPhases.size();
        const bool is_staged = kPhases[phase] == Phase::copy || cases.size() % 2 == 0;
        cases.push_back(
            {kPhases[phase], &fault, is_staged ? etcd::ReplicaSource::staged : etcd::ReplicaSource::leader});
        phase = (phase + 1) % kPhases.size();
    }
    return cases;
}

std::string describe(const FaultCase& fault_case) {
    return fmt::format("{}, {}, replicas: {}", etcd::to_text(fault_case.phase), fault_case.fault->name,
                       fault_case.replicas == etcd::ReplicaSource::staged ? "staged" : "leader");
}

}  // namespace polygon::e2e
