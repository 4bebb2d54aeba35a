#include "common/backup/output/file_writer.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace polygon::backup {
namespace {

constexpr std::uint64_t kDirectFromBytes = 1U << 20;  // below it, allocating and padding cost more than they save
constexpr std::uint64_t kWriteBackBytes = 8U << 20;

struct Alignment {
    std::size_t memory = BufferPool::kAlignment;
    std::size_t offset = BufferPool::kAlignment;
};

// What direct I/O asks for on this file (statx(2), since Linux 6.1); elsewhere what every file system is content with.
Alignment read_alignment(const fs::Fd& fd) {
#ifdef STATX_DIOALIGN
    struct statx found = {};
    const bool is_known =
        ::statx(fd.get(), "", AT_EMPTY_PATH, STATX_DIOALIGN, &found) == 0 && (found.stx_mask & STATX_DIOALIGN) != 0;
    if (is_known && found.stx_dio_offset_align > 0 && found.stx_dio_offset_align <= BufferPool::kAlignment) {
        return {.memory = found.stx_dio_mem_align, .offset = found.stx_dio_offset_align};
    }
#endif
    return {};
}

bool is_aligned(const std::byte* address, std::size_t alignment) {
    return reinterpret_cast<std::uintptr_t>(address) % alignment == 0;
}

}  // namespace

FileWriter::FileWriter(fs::Fd fd, fs::Path name, std::uint64_t announced_bytes, Retention retention, BufferPool& pool)
    : fd_(std::move(fd)), name_(std::move(name)), retention_(retention), pool_(pool) {
    if (announced_bytes < kDirectFromBytes) return;
    is_allocated_ = ::fallocate(fd_.get(), 0, 0, static_cast<off_t>(announced_bytes)) == 0;
    if (retention_ == Retention::dropped) begin_direct();
}

void FileWriter::begin_direct() {
    if (::fcntl(fd_.get(), F_SETFL, O_DIRECT) != 0) return;
    const Alignment alignment = read_alignment(fd_);
    memory_alignment_ = alignment.memory;
    offset_alignment_ = alignment.offset;
}

void FileWriter::stop_direct() {
    ::fcntl(fd_.get(), F_SETFL, 0);
    offset_alignment_ = 0;
}

Error FileWriter::failure(int reason) const {
    return errno_error(Errc::io, fmt::format("cannot write '{}'", name_.string()), reason);
}

Status FileWriter::append(std::span<const std::byte> bytes) {
    size_bytes_ += bytes.size();
    return is_direct() ? append_direct(bytes) : append_cached(bytes);
}

Status FileWriter::append_direct(std::span<const std::byte> bytes) {
    if (staged_bytes_ == 0 && is_aligned(bytes.data(), memory_alignment_)) {
        const auto whole = bytes.first(bytes.size() - bytes.size() % offset_alignment_);
        TRY(write(whole));
        bytes = bytes.subspan(whole.size());
    }
    return stage(bytes);
}

Status FileWriter::stage(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
        if (!stage_.owner) stage_ = pool_.take();
        const std::size_t count = std::min(bytes.size(), stage_.bytes.size() - staged_bytes_);
        std::memcpy(stage_.bytes.data() + staged_bytes_, bytes.data(), count);
        staged_bytes_ += count;
        bytes = bytes.subspan(count);
        if (staged_bytes_ == stage_.bytes.size()) TRY(flush_stage());
    }
    return {};
}

// Padded to a whole block; finish() cuts the padding off.
Status FileWriter::flush_stage() {
    const std::size_t alignment = std::max<std::size_t>(offset_alignment_, 1);
    const std::size_t padded = (staged_bytes_ + alignment - 1) / alignment * alignment;
    std::memset(stage_.bytes.data() + staged_bytes_, 0, padded - staged_bytes_);
    staged_bytes_ = 0;
    return write(stage_.bytes.first(padded));
}

Status FileWriter::append_cached(std::span<const std::byte> bytes) {
    if (staged_bytes_ > 0) TRY(flush_stage());  // from before direct I/O was refused
    TRY(write(bytes));
    if (written_bytes_ - written_back_bytes_ >= kWriteBackBytes) begin_write_back();
    return {};
}

// Of what has come since the last time. What is not to stay cached is dropped once it is on disk: that is waited for
// one step later, so that the device always has work.
void FileWriter::begin_write_back() {
    const auto begin = static_cast<off_t>(written_back_bytes_);
    const auto length = static_cast<off_t>(written_bytes_ - written_back_bytes_);
    ::sync_file_range(fd_.get(), begin, length, SYNC_FILE_RANGE_WRITE);
    if (retention_ == Retention::dropped && begin > 0) {
        constexpr unsigned kWait = SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;
        const off_t last = std::max<off_t>(begin - static_cast<off_t>(kWriteBackBytes), 0);
        ::sync_file_range(fd_.get(), last, begin - last, kWait);
        ::posix_fadvise(fd_.get(), last, begin - last, POSIX_FADV_DONTNEED);
    }
    written_back_bytes_ = written_bytes_;
}

Status FileWriter::write(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
        const ssize_t count = ::write(fd_.get(), bytes.data(), bytes.size());
        if (count < 0 && errno == EINVAL && is_direct()) {
            stop_direct();
            continue;
        }
        if (count < 0 && errno != EINTR) return failure(errno);
        if (count <= 0) continue;
        written_bytes_ += static_cast<std::uint64_t>(count);
        bytes = bytes.subspan(static_cast<std::size_t>(count));
    }
    return {};
}

Status FileWriter::finish() {
    if (staged_bytes_ > 0) TRY(flush_stage());
    const bool has_padding = written_bytes_ != size_bytes_;
    if ((has_padding || is_allocated_) && ::ftruncate(fd_.get(), static_cast<off_t>(size_bytes_)) != 0) {
        return failure(errno);
    }
    return fs::close_written(std::move(fd_), name_.string());
}

}  // namespace polygon::backup
