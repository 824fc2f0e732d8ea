// Event blocks that conversion folds away or changes, kept as the file has them.
#pragma once

#include <algorithm>
#include <vector>

#include "blocks.hpp"
#include "columns.hpp"
#include "convert.hpp"

namespace scap {

// Columns: num, kind, time, tid, cpu, block, rest. Each row belongs before, or to, event ``num``;
// ``rest`` is what follows the thread in the block, without the block's last length.
class Folded {
public:
    explicit Folded(size_t types): shapes_(types, SCAP_AS_PRESENT) {}

    // The block is no event of today's: it stood before event ``num``.
    void before(uint64_t num, const uint8_t *block, uint32_t length) {
        row(num, SCAP_FOLDED_BEFORE, block, length);
    }
    // How event ``num`` stood in the file; ``exact``: its columns give back its bytes.
    void original(uint64_t num, uint16_t type, uint32_t count, const Event &now, uint32_t known,
                  bool exact, const uint8_t *block, uint32_t length) {
        if(type != now.type || !exact || count > known) {
            row(num, SCAP_FOLDED_INSTEAD, block, length);
            return;
        }
        const auto shape =
            static_cast<uint8_t>(count == std::min(now.count, known) ? uint32_t{SCAP_AS_PRESENT} : count);
        if(shapes_[type] == shape) return;
        shapes_[type] = shape;
        const uint8_t rest[3] = {static_cast<uint8_t>(type & 0xff),
                                 static_cast<uint8_t>(type >> 8), shape};
        head(num, SCAP_FOLDED_SHAPE, now.time, now.tid, now.cpu, 0);
        rest_.text(rest, sizeof rest);
        bytes_ += sizeof rest;
    }

    // Events of this type have stood in the file as they are now.
    bool usual(uint16_t type) const { return shapes_[type] == SCAP_AS_PRESENT; }

    uint64_t rows() const { return rows_; }
    uint64_t bytes() const { return bytes_ + rows_ * 31; }
    void move_to(ArrowArray *to);

private:
    void row(uint64_t num, uint8_t kind, const uint8_t *block, uint32_t length) {
        const auto type = load<uint32_t>(block);
        const uint32_t flags = event_block(type).flags ? 4 : 0;
        const uint8_t *at = block + kHeader + 2 + flags;
        head(num, kind, load<uint64_t>(at), load<uint64_t>(at + 8), load<uint16_t>(block + kHeader),
             type);
        const size_t rest = length - kHeader - 2 - flags - 16 - kTrailer;
        rest_.text(block + kHeader + 2, flags, at + 16, rest);
        bytes_ += flags + rest;
    }
    void head(uint64_t num, uint8_t kind, uint64_t time, uint64_t tid, uint16_t cpu, uint32_t type) {
        num_.number(num);
        kind_.number(kind);
        time_.number(time);
        tid_.number(tid);
        cpu_.number(cpu);
        block_.number(type);
        rows_++;
    }

    Column num_{SCAP_FIXED, 8}, kind_{SCAP_FIXED, 1}, time_{SCAP_FIXED, 8}, tid_{SCAP_FIXED, 8},
        cpu_{SCAP_FIXED, 2}, block_{SCAP_FIXED, 4}, rest_{SCAP_BYTES};
    uint64_t rows_ = 0;
    uint64_t bytes_ = 0;
    // How many parameters the file gives each type, once it differs.
    std::vector<uint8_t> shapes_;
};

// Folded rows of an Arrow batch, given back as blocks.
class FoldedRows {
public:
    FoldedRows(const ArrowArray *batch, uint8_t *shapes): batch_{batch}, shapes_{shapes} {}

    // Writes what stood before event ``num`` and learns of its form; true: the event itself stands
    // there too, and is written.
    bool until(uint64_t num, size_t types, Buffer &out);
    void rest(Buffer &out);

private:
    void block(int64_t row, Buffer &out) const;
    const uint8_t *fixed(int column, int64_t row, size_t width) const {
        const ArrowArray &array = *batch_->children[column];
        return static_cast<const uint8_t *>(array.buffers[1]) + (row + array.offset) * width;
    }

    const ArrowArray *batch_;
    uint8_t *shapes_;
    int64_t row_ = 0;
};

}  // namespace scap
