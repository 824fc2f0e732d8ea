// Event blocks made from an Arrow batch: the way back of reader.cpp.
#include <algorithm>

#include "arrow.hpp"
#include "folded.hpp"
#include "tables.hpp"

namespace scap {

namespace {

constexpr uint32_t kEventV2 = 0x216, kFlagsV2 = 0x217, kEventLarge = 0x221, kFlagsLarge = 0x222;

// One column, or one field of one, read by row.
class View {
public:
    explicit View(const ArrowArray &array): array_{array} {}

    bool null(int64_t row) const {
        const auto *bits = static_cast<const uint8_t *>(array_.buffers[0]);
        const int64_t at = row + array_.offset;
        return array_.null_count != 0 && bits && !(bits[at / 8] >> (at & 7) & 1);
    }
    const uint8_t *fixed(int64_t row, size_t width) const {
        return static_cast<const uint8_t *>(array_.buffers[1]) + (row + array_.offset) * width;
    }
    template <class T> T number(int64_t row) const {
        T value;
        std::memcpy(&value, fixed(row, sizeof(T)), sizeof(T));
        return value;
    }
    // Where the bytes or items of a row begin and end.
    std::pair<int32_t, int32_t> range(int64_t row) const {
        const auto *offsets = static_cast<const int32_t *>(array_.buffers[1]) + array_.offset;
        return {offsets[row], offsets[row + 1]};
    }
    const uint8_t *bytes() const { return static_cast<const uint8_t *>(array_.buffers[2]); }
    View child(int number) const { return View(*array_.children[number]); }
    int64_t offset() const { return array_.offset; }

private:
    const ArrowArray &array_;
};

class Writer {
public:
    Writer(const scap_tables &tables, const uint16_t *codes): tables_{tables}, codes_{codes} {}

    Buffer blocks(const ArrowArray *batch, FoldedRows *folded, const uint8_t *shapes) {
        if(batch) {
            events(*batch, folded, shapes);
        } else if(folded) {
            folded->rest(out_);
        }
        return std::move(out_);
    }

private:
    void events(const ArrowArray &batch, FoldedRows *folded, const uint8_t *shapes) {
        const View num(*batch.children[0]);
        const View time(*batch.children[1]), cpu(*batch.children[2]), tid(*batch.children[3]),
            present(*batch.children[5]), flags(*batch.children[6]);
        const ArrowArray &parameters = *batch.children[7];
        const auto *ids = static_cast<const int8_t *>(parameters.buffers[0]) + parameters.offset;
        const auto *places = static_cast<const int32_t *>(parameters.buffers[1]) + parameters.offset;
        for(int64_t i = 0; i < batch.length; i++) {
            const int64_t row = i + batch.offset;
            if(folded && folded->until(num.number<uint64_t>(row), tables_.types.size(), out_))
                continue;
            const uint16_t type = codes_[ids[row]];
            const scap_type &known = tables_.types[type];
            const bool large = known.flags & SCAP_LARGE;
            const uint32_t bits = flags.number<uint32_t>(row) & ~uint32_t{SCAP_FLAG_INITIAL};
            uint32_t count = std::min<uint32_t>(present.number<uint8_t>(row), known.count);
            if(shapes) count = std::min<uint32_t>(count, shapes[type]);
            const size_t begin = out_.size();
            out_.push<uint32_t>(bits ? (large ? kFlagsLarge : kFlagsV2)
                                     : (large ? kEventLarge : kEventV2));
            out_.push<uint32_t>(0);
            out_.push(cpu.number<uint16_t>(row));
            if(bits) out_.push(bits);
            const size_t event = out_.size();
            out_.push(time.number<uint64_t>(row));
            out_.push(tid.number<uint64_t>(row));
            out_.push<uint32_t>(0);
            out_.push(type);
            out_.push(count);
            const size_t width = large ? 4 : 2;
            const size_t lengths = out_.size();
            std::memset(out_.grow(count * width), 0, count * width);
            const ArrowArray &child = *parameters.children[ids[row]];
            for(uint32_t p = 0; p < count; p++) {
                const size_t from = out_.size();
                value(tables_.parameter(type, p), View(*child.children[p]),
                      places[row] + child.offset);
                // A length has two bytes but in large events; what does not fit is cut.
                if(!large && out_.size() - from > UINT16_MAX) out_.shrink(from + UINT16_MAX);
                const auto size = static_cast<uint32_t>(out_.size() - from);
                std::memcpy(out_.data() + lengths + p * width, &size, width);
            }
            const auto length = static_cast<uint32_t>(out_.size() - event);
            std::memcpy(out_.data() + event + 16, &length, 4);
            while((out_.size() - begin) % 4) out_.push<uint8_t>(0);
            const auto total = static_cast<uint32_t>(out_.size() - begin + 4);
            out_.push(total);
            std::memcpy(out_.data() + begin + 4, &total, 4);
        }
    }

    void value(const scap_parameter &parameter, const View &column, int64_t row) {
        if(column.null(row)) return;
        switch(parameter.kind) {
        case SCAP_FIXED:
            out_.append(column.fixed(row, parameter.width), parameter.width);
            break;
        case SCAP_TEXT:
        case SCAP_BYTES: {
            const auto [from, to] = column.range(row);
            out_.append(column.bytes() + from, to - from);
            if(parameter.kind == SCAP_TEXT) out_.push<uint8_t>(0);
            break;
        }
        case SCAP_TEXTS: {
            const auto [from, to] = column.range(row);
            const View items = column.child(0);
            for(int32_t item = from; item < to; item++) {
                const auto [begin, end] = items.range(item);
                out_.append(items.bytes() + begin, end - begin);
                out_.push<uint8_t>(0);
            }
            break;
        }
        case SCAP_FDLIST: {
            const auto [from, to] = column.range(row);
            const View items = column.child(0);
            out_.push(static_cast<uint16_t>(to - from));
            for(int32_t item = from; item < to; item++) {
                const int64_t at = item + items.offset();
                out_.append(items.child(0).fixed(at, 8), 8);
                out_.append(items.child(1).fixed(at, 2), 2);
            }
            break;
        }
        default: {
            const int64_t at = row + column.offset();
            const auto kind = column.child(0).number<uint8_t>(at);
            const scap_choice *choice =
                kind < parameter.choices ? &tables_.choices[parameter.dynamic + kind] : nullptr;
            out_.push(kind);
            if(!column.child(1).null(at)) {
                const auto number = column.child(1).number<uint64_t>(at);
                out_.append(&number, choice && choice->kind == SCAP_FIXED ? choice->width : 8);
            } else if(!column.child(2).null(at)) {
                const auto [from, to] = column.child(2).range(at);
                out_.append(column.child(2).bytes() + from, to - from);
                if(choice && choice->kind == SCAP_TEXT) out_.push<uint8_t>(0);
            }
            break;
        }
        }
    }

    const scap_tables &tables_;
    const uint16_t *codes_;
    Buffer out_;
};

}  // namespace

}  // namespace scap

extern "C" uint8_t *scap_blocks(const scap_tables *tables, const uint16_t *codes, uintptr_t array,
                                uintptr_t folded, uint8_t *shapes, size_t *size) {
    try {
        scap::Writer writer(*tables, codes);
        scap::FoldedRows rows(reinterpret_cast<const ArrowArray *>(folded), shapes);
        scap::Buffer made = writer.blocks(reinterpret_cast<const ArrowArray *>(array),
                                          folded ? &rows : nullptr, shapes);
        *size = made.size();
        made.grow(1);  // so that nothing to write is not taken for no memory
        return made.release();
    } catch(const std::bad_alloc &) {
        return nullptr;
    }
}

extern "C" void scap_blocks_free(uint8_t *blocks) {
    std::free(blocks);
}
