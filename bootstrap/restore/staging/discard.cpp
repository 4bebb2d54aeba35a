#include "bootstrap/restore/staging/discard.h"

#include <fmt/format.h>

#include "bootstrap/restore/plan.h"
#include "bootstrap/restore/progress.h"
#include "common/base/log.h"

namespace polygon::bootstrap {
namespace {

Status require_other_data(const postgres::Places& places) {
    if (TRY(postgres::list_entries(places.previous)).empty() || !TRY(postgres::list_entries(places.data)).empty())
        return {};
    return Error{Errc::data_directory_invalid,
                 fmt::format("'{}' is kept: there is no other data directory here", places.previous.string()),
                 fmt::format("Look why '{}' is empty before you remove it by hand.", places.data.string())};
}

Status remove(const Request& request, Discarded what) {
    const patroni::Configuration configuration = TRY(load_configuration(request));
    TRY(require_discardable(TRY(read_orders(configuration)), configuration.name));
    const postgres::Places places = find_places(request, configuration);
    if (what == Discarded::staged_and_previous) TRY(require_other_data(places));
    TRY(postgres::remove_data_directory(places.staged, postgres::LinkTargets::with_suffix));
    if (what == Discarded::staged) return {};
    log_info("removing what was set aside", {{"directory", places.previous.string()}});
    return postgres::remove_data_directory(places.previous, postgres::LinkTargets::with_suffix);
}

}  // namespace

Status discard(const Request& request, Discarded what, Clock& clock) {
    Progress progress(clock, request.status_file);
    progress.enter("discard");
    Status done = remove(request, what);
    progress.end(done);
    return done;
}

}  // namespace polygon::bootstrap
