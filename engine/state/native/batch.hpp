// Reading the columns of an Arrow batch through the C data interface.
// Layout of the struct from the Arrow specification ("The Arrow C data interface").
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include "state.h"

extern "C" struct ArrowArray {
    int64_t length;
    int64_t null_count;
    int64_t offset;
    int64_t n_buffers;
    int64_t n_children;
    const void **buffers;
    struct ArrowArray **children;
    struct ArrowArray *dictionary;
    void (*release)(struct ArrowArray *);
    void *private_data;
};

namespace state {

// A column, read by row of the struct or batch it belongs to.
class Column {
public:
    Column() = default;
    Column(const ArrowArray &array, uint8_t kind, int64_t offset)
        : kind_(kind), offset_(offset + array.offset),
          validity_(array.null_count == 0 ? nullptr
                                          : static_cast<const uint8_t *>(array.buffers[0])) {
        if(kind == STATE_BYTES) {
            offsets_ = static_cast<const int32_t *>(array.buffers[1]);
            data_ = array.buffers[2];
        } else if(kind == STATE_FDLIST) {
            offsets_ = static_cast<const int32_t *>(array.buffers[1]);
            const ArrowArray &items = *array.children[0], &fds = *items.children[0];
            data_ = static_cast<const int64_t *>(fds.buffers[1]) + items.offset + fds.offset;
        } else if(kind != STATE_OTHER) {
            data_ = array.buffers[1];
        }
    }

    bool has(int64_t row) const {
        if(kind_ == STATE_OTHER) return false;
        const int64_t at = offset_ + row;
        return !validity_ || (validity_[at >> 3] >> (at & 7) & 1);
    }

    // 0 where there is none.
    int64_t number(int64_t row) const {
        if(!has(row)) return 0;
        const int64_t at = offset_ + row;
        switch(kind_) {
        case STATE_I8: return static_cast<const int8_t *>(data_)[at];
        case STATE_I16: return static_cast<const int16_t *>(data_)[at];
        case STATE_I32: return static_cast<const int32_t *>(data_)[at];
        case STATE_U8: return static_cast<const uint8_t *>(data_)[at];
        case STATE_U16: return static_cast<const uint16_t *>(data_)[at];
        case STATE_U32: return static_cast<const uint32_t *>(data_)[at];
        case STATE_I64: return static_cast<const int64_t *>(data_)[at];
        case STATE_U64: return static_cast<int64_t>(static_cast<const uint64_t *>(data_)[at]);
        default: return 0;
        }
    }

    std::string_view bytes(int64_t row) const {
        if(kind_ != STATE_BYTES || !has(row)) return {};
        const int64_t at = offset_ + row;
        const int32_t from = offsets_[at];
        const auto size = static_cast<size_t>(offsets_[at + 1] - from);
        return {static_cast<const char *>(data_) + from, size};
    }

    // Visits the files of a list.
    template <class F> void each_fd(int64_t row, F &&visit) const {
        if(kind_ != STATE_FDLIST || !has(row)) return;
        const int64_t at = offset_ + row;
        for(int32_t i = offsets_[at]; i < offsets_[at + 1]; ++i) {
            visit(i - offsets_[at], static_cast<const int64_t *>(data_)[i]);
        }
    }

private:
    uint8_t kind_ = STATE_OTHER;
    int64_t offset_ = 0;
    const uint8_t *validity_ = nullptr;
    const int32_t *offsets_ = nullptr;
    const void *data_ = nullptr;
};

// The parameters of the events of one type in a batch.
struct Child {
    uint16_t code = 0;
    int64_t length = 0;
    std::vector<Column> columns;
};

}  // namespace state
