#include "folded.hpp"

namespace scap {

void Folded::move_to(ArrowArray *to) {
    std::vector<std::unique_ptr<ArrowArray>> columns;
    for(Column *column : {&num_, &kind_, &time_, &tid_, &cpu_, &block_, &rest_}) {
        columns.push_back(std::make_unique<ArrowArray>());
        column->move_to(columns.back().get());
    }
    make_array(to, static_cast<int64_t>(rows_), 0, {nullptr}, std::move(columns));
    rows_ = bytes_ = 0;
}

bool FoldedRows::until(uint64_t num, size_t types, Buffer &out) {
    for(; row_ < batch_->length; row_++) {
        const auto at = load<uint64_t>(fixed(0, row_, 8));
        if(at > num) return false;
        switch(*fixed(1, row_, 1)) {
        case SCAP_FOLDED_BEFORE:
            block(row_, out);
            break;
        case SCAP_FOLDED_INSTEAD:
            if(at < num) break;  // its event is lost
            block(row_, out);
            row_++;
            return true;
        case SCAP_FOLDED_SHAPE: {
            const ArrowArray &rest = *batch_->children[6];
            const auto *offsets = static_cast<const int32_t *>(rest.buffers[1]) + rest.offset;
            if(!shapes_ || offsets[row_ + 1] - offsets[row_] != 3) break;
            const uint8_t *data = static_cast<const uint8_t *>(rest.buffers[2]) + offsets[row_];
            const auto type = load<uint16_t>(data);
            if(type < types) shapes_[type] = data[2];
            break;
        }
        default:
            break;
        }
    }
    return false;
}

void FoldedRows::rest(Buffer &out) {
    for(; row_ < batch_->length; row_++)
        if(*fixed(1, row_, 1) == SCAP_FOLDED_BEFORE) block(row_, out);
}

void FoldedRows::block(int64_t row, Buffer &out) const {
    const auto type = load<uint32_t>(fixed(5, row, 4));
    const EventBlock kind = event_block(type);
    const ArrowArray &rest = *batch_->children[6];
    const auto *offsets = static_cast<const int32_t *>(rest.buffers[1]) + rest.offset;
    const uint8_t *data = static_cast<const uint8_t *>(rest.buffers[2]) + offsets[row];
    const auto size = static_cast<uint32_t>(offsets[row + 1] - offsets[row]);
    const uint32_t flags = kind.flags ? 4 : 0;
    if(!kind.event || size < flags) return;  // not as this writes them
    const auto length =
        static_cast<uint32_t>(kHeader + 2 + 16 + kTrailer + size);
    out.push(type);
    out.push(length);
    out.append(fixed(4, row, 2), 2);
    out.append(data, flags);
    out.append(fixed(2, row, 8), 8);
    out.append(fixed(3, row, 8), 8);
    out.append(data + flags, size - flags);
    out.push(length);
}

}  // namespace scap
