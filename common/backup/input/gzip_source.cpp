#include "common/backup/input/gzip_source.h"

#include <algorithm>

#include <fmt/format.h>
#include <isa-l/igzip_lib.h>

#include "common/backup/damage.h"

namespace polygon::backup {
namespace {

constexpr std::size_t kBlockBytes = 1U << 20;

std::string_view explain(int code) {
    switch (code) {
        case ISAL_INCORRECT_CHECKSUM:
            return "a gzip checksum does not match";
        case ISAL_INVALID_WRAPPER:
        case ISAL_UNSUPPORTED_METHOD:
            return "a gzip header is wrong";
        default:
            return "its gzip data cannot be inflated";
    }
}

}  // namespace

GzipSource::GzipSource(std::unique_ptr<ByteSource> compressed, fs::Path name)
    : compressed_(std::move(compressed)),
      name_(std::move(name)),
      state_(std::make_unique<inflate_state>()),
      output_(kBlockBytes) {
    isal_inflate_init(state_.get());
}

GzipSource::~GzipSource() = default;

// False at the end. ISA-L declares its input without const but only reads it.
Result<bool> GzipSource::refill() {
    const auto block = TRY(compressed_->read());
    state_->next_in = const_cast<std::uint8_t*>(reinterpret_cast<const std::uint8_t*>(block.data()));
    state_->avail_in = static_cast<std::uint32_t>(block.size());
    return !block.empty();
}

// False at the end of the last member.
Result<bool> GzipSource::begin_member() {
    if (state_->avail_in == 0 && !TRY(refill())) {
        if (!has_members_) return damaged_archive(name_, "it is empty");
        return false;
    }
    if (has_members_ && *state_->next_in == 0) {
        TRY(check_padding());
        return false;
    }
    if (*state_->next_in != 0x1f) {
        return damaged_archive(name_, has_members_ ? "bytes that are not gzip follow its end" : "it is not gzip");
    }
    isal_inflate_reset(state_.get());  // keeps the input; clears the checksum flag
    state_->crc_flag = ISAL_GZIP;
    TRY(read_header());
    has_members_ = true;
    is_between_members_ = false;
    return true;
}

// Read here rather than by isal_inflate(), which forgets the header's flags when the header is cut between two blocks.
Status GzipSource::read_header() {
    isal_gzip_header header;
    isal_gzip_header_init(&header);
    while (true) {
        const int code = isal_read_gzip_header(state_.get(), &header);
        if (code == ISAL_DECOMP_OK) return {};
        if (code != ISAL_END_INPUT) return damaged_archive(name_, explain(code));
        if (!TRY(refill())) return damaged_archive(name_, "its gzip data ends early");
    }
}

Status GzipSource::check_padding() {
    do {
        const std::span<const std::uint8_t> rest(state_->next_in, state_->avail_in);
        if (std::any_of(rest.begin(), rest.end(), [](std::uint8_t byte) { return byte != 0; })) {
            return damaged_archive(name_, "bytes that are not gzip follow its end");
        }
    } while (TRY(refill()));
    return {};
}

Result<std::span<const std::byte>> GzipSource::read() {
    while (true) {
        if (is_between_members_ && !TRY(begin_member())) return std::span<const std::byte>();
        const std::uint32_t input_before = state_->avail_in;
        state_->next_out = reinterpret_cast<std::uint8_t*>(output_.data());
        state_->avail_out = static_cast<std::uint32_t>(output_.size());
        const int code = isal_inflate(state_.get());
        if (code != ISAL_DECOMP_OK) return damaged_archive(name_, explain(code));
        is_between_members_ = state_->block_state == ISAL_BLOCK_FINISH;
        const std::size_t produced = output_.size() - state_->avail_out;
        if (produced > 0) return std::span<const std::byte>(output_).first(produced);
        // A stream that is cut off is no error to ISA-L: only the state at the end of the input tells.
        if (is_between_members_ || state_->avail_in < input_before) continue;
        if (state_->avail_in > 0) return damaged_archive(name_, explain(ISAL_INVALID_BLOCK));
        if (!TRY(refill())) return damaged_archive(name_, "its gzip data ends early");
    }
}

}  // namespace polygon::backup
