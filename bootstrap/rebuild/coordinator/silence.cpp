#include "bootstrap/rebuild/coordinator/silence.h"

#include <fmt/format.h>

#include "common/base/log.h"

namespace polygon::rebuild {

Status Silence::tolerate(const Error& error) {
    if (error.code != Errc::etcd_unavailable) return error;
    if (clock_.now() - answered_ >= limit_)
        return in_context(error, fmt::format("etcd has not answered for {} s", limit_.count()));
    if (!is_told_) log_warning(error.message, {{"patience_seconds", limit_.count()}});
    is_told_ = true;
    return {};
}

void Silence::end() {
    answered_ = clock_.now();
    is_told_ = false;
}

}  // namespace polygon::rebuild
