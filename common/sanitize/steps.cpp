#include "common/sanitize/steps.h"

#include <algorithm>

#include "common/base/log.h"

namespace polygon::sanitize {

Status run_step(postgres::GenerationMarker& marker, const std::string& step, const SaveMarker& save,
                const std::function<Status()>& body) {
    if (std::find(marker.steps.begin(), marker.steps.end(), step) != marker.steps.end()) {
        log_info("done before", {{"step", step}});
        return {};
    }
    TRY(body());
    marker.steps.push_back(step);
    return save(marker);
}

}  // namespace polygon::sanitize
