#include "tests/support/account.h"

#include <cerrno>

#include <fmt/format.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace polygon::support {

Result<Account> Account::choose() {
    Account account;
    if (geteuid() != 0) return account;
    const passwd* postgres = getpwnam("postgres");
    if (postgres == nullptr) {
        return Error{Errc::configuration, "root cannot run PostgreSQL, and there is no user 'postgres'",
                     "Install the package postgresql."};
    }
    account.is_other_ = true;
    account.uid_ = postgres->pw_uid;
    account.gid_ = postgres->pw_gid;
    return account;
}

std::vector<std::string> Account::as_account(std::vector<std::string> argv) const {
    if (!is_other_) return argv;
    std::vector<std::string> whole = {"setpriv",       "--reuid=postgres", "--regid=postgres",
                                      "--init-groups", "--pdeathsig=keep", "--"};
    whole.insert(whole.end(), argv.begin(), argv.end());
    return whole;
}

Status Account::give(const std::filesystem::path& path) const {
    if (!is_other_) return {};
    const auto change = [this](const std::filesystem::path& entry) -> Status {
        if (lchown(entry.c_str(), uid_, gid_) == 0) return {};
        return errno_error(Errc::io, fmt::format("cannot change the owner of '{}'", entry.string()), errno);
    };
    TRY(change(path));
    if (!std::filesystem::is_directory(std::filesystem::symlink_status(path))) return {};
    for (const auto& entry : std::filesystem::recursive_directory_iterator(path))
        TRY(change(entry.path()));
    return {};
}

process::Isolation Account::strongest_isolation() const {
    if (!is_other_) return process::strongest_isolation();
    const pid_t pid = fork();
    if (pid == 0) {
        // Dumpable, as a program that was started as the account: /proc/self is root's otherwise.
        const bool is_changed =
            setresgid(gid_, gid_, gid_) == 0 && setresuid(uid_, uid_, uid_) == 0 && prctl(PR_SET_DUMPABLE, 1) == 0;
        _exit(static_cast<int>(is_changed ? process::strongest_isolation() : process::Isolation::none));
    }
    int status = 0;
    waitpid(pid, &status, 0);
    return static_cast<process::Isolation>(WEXITSTATUS(status));
}

}  // namespace polygon::support
