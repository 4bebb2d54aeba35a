#include "common/postgres/bootstrap_error.h"

#include <system_error>

#include "common/base/log.h"
#include "common/fs/file.h"

namespace polygon::postgres {
namespace {

Path path_beside(const Path& data_directory) {
    return find_places(data_directory).data.string() + ".bootstrap-error";
}

}  // namespace

void note_bootstrap_end(const Path& data_directory, const Status& done) {
    if (done) return forget_bootstrap_error(data_directory);
    const Status written = fs::replace_file(path_beside(data_directory), done.error().message);
    if (!written) log_debug(written.error().message);
}

std::string read_bootstrap_error(const Path& data_directory) {
    return fs::read_file(path_beside(data_directory)).value_or("");
}

void forget_bootstrap_error(const Path& data_directory) {
    std::error_code ignored;
    std::filesystem::remove(path_beside(data_directory), ignored);
}

}  // namespace polygon::postgres
