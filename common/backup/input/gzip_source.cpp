#include "common/backup/input/gzip_source.h"

#include <algorithm>

#include <isa-l/igzip_lib.h>

namespace polygon::backup {
namespace {

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

constexpr std::string_view kEndsEarly = "its gzip data ends early";
constexpr std::string_view kFollowed = "bytes that are not gzip follow its end";

}  // namespace

GzipSource::GzipSource(std::unique_ptr<ByteSource> compressed, fs::Path name)
    : Decompressor(std::move(compressed), std::move(name)), state_(std::make_unique<inflate_state>()) {
    isal_inflate_init(state_.get());
}

GzipSource::~GzipSource() = default;

// ISA-L declares its input without const but only reads it.
void GzipSource::offer_input() {
    state_->next_in = const_cast<std::uint8_t*>(reinterpret_cast<const std::uint8_t*>(input().data()));
    state_->avail_in = static_cast<std::uint32_t>(input().size());
}

void GzipSource::take_back_input() {
    consume(input().size() - state_->avail_in);
}

Status GzipSource::begin_member() {
    if (!TRY(has_input())) {
        if (!has_members_) return damaged("it is empty");
        position_ = Position::at_end;
        return {};
    }
    if (has_members_ && input().front() == std::byte{0}) return check_padding();
    if (input().front() != std::byte{0x1f}) return damaged(has_members_ ? kFollowed : "it is not gzip");
    isal_inflate_reset(state_.get());  // clears the checksum flag
    state_->crc_flag = ISAL_GZIP;
    TRY(read_header());
    has_members_ = true;
    position_ = Position::in_member;
    return {};
}

// Read here rather than by isal_inflate(), which forgets the header's flags when the header is cut between two blocks.
Status GzipSource::read_header() {
    isal_gzip_header header;
    isal_gzip_header_init(&header);
    while (TRY(has_input())) {
        offer_input();
        const int code = isal_read_gzip_header(state_.get(), &header);
        take_back_input();
        if (code == ISAL_DECOMP_OK) return {};
        if (code != ISAL_END_INPUT) return damaged(explain(code));
    }
    return damaged(kEndsEarly);
}

Status GzipSource::check_padding() {
    while (TRY(has_input())) {
        if (std::any_of(input().begin(), input().end(), [](std::byte byte) { return byte != std::byte{0}; })) {
            return damaged(kFollowed);
        }
        consume(input().size());
    }
    position_ = Position::at_end;
    return {};
}

Result<std::size_t> GzipSource::decompress(std::span<std::byte> room) {
    while (true) {
        if (position_ == Position::before_member) TRY(begin_member());
        if (position_ == Position::at_end) return std::size_t{0};
        offer_input();
        const std::uint32_t offered = state_->avail_in;
        state_->next_out = reinterpret_cast<std::uint8_t*>(room.data());
        state_->avail_out = static_cast<std::uint32_t>(room.size());
        const int code = isal_inflate(state_.get());
        if (code != ISAL_DECOMP_OK) return damaged(explain(code));
        const bool has_consumed = state_->avail_in < offered;
        take_back_input();
        if (state_->block_state == ISAL_BLOCK_FINISH) position_ = Position::before_member;
        const std::size_t produced = room.size() - state_->avail_out;
        if (produced > 0) return produced;
        // A stream that is cut off is no error to ISA-L: only the state at the end of the input tells.
        if (position_ == Position::before_member || has_consumed) continue;
        if (!input().empty()) return damaged(explain(ISAL_INVALID_BLOCK));
        if (!TRY(has_input())) return damaged(kEndsEarly);
    }
}

}  // namespace polygon::backup
