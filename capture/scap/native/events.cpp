// Event blocks: from their bytes to the columns of the batch.
#include <algorithm>

#include "blocks.hpp"
#include "reader.hpp"

namespace scap {

namespace {

constexpr size_t kEventHeader = 26;    // time, thread, length, type, number of parameters
constexpr size_t kEventHeaderV1 = 22;  // the same without the last

}  // namespace

Reader::Step Reader::read_event(const Block &block) {
    if(block.length > limits_.max_event) {
        problem(block.offset, "an event block of " + std::to_string(block.length) +
                                  " bytes is larger than the " +
                                  std::to_string(limits_.max_event) + " that are read; left out");
        return skip_block(block);
    }
    const uint8_t *at = input_.need(block.length);
    if(!at) {
        damage(block, "an event of " + std::to_string(block.length) + " bytes");
        return kStop;
    }
    Event event;
    if(decode(block, at + kHeader, block.length - kHeader - kTrailer, event)) {
        const uint16_t type = event.type;
        const uint32_t count = event.count;
        const Converter::Result result = converter_.convert(event);
        if(converter_.has_problem()) problem(block.offset, converter_.take_problem());
        if(result == Converter::kPass) {
            keep(event, type, count, block, at);
        } else if(result == Converter::kDrop) {
            drop(block, at);
        } else {
            // Falco stops at such an event. It is kept as it was read if its type is one of today.
            decode(block, at + kHeader, block.length - kHeader - kTrailer, event);
            if(tables_.types[event.type].flags & SCAP_OLD) {
                drop(block, at);
            } else {
                keep(event, type, count, block, at);
            }
        }
    }
    if(load<uint32_t>(at + block.length - kTrailer) == block.length) {
        input_.advance(block.length);
        return kGoOn;
    }
    input_.advance(block.length - kTrailer);
    return trailer(block) ? kGoOn : kStop;
}

bool Reader::decode(const Block &block, const uint8_t *body, uint32_t size, Event &event) {
    const EventBlock kind = event_block(block.type);
    const uint32_t lead = kind.flags ? 6 : 2;
    const size_t header = kind.counted ? kEventHeader : kEventHeaderV1;
    if(size < lead + header) {
        problem(block.offset, "an event block of " + std::to_string(block.length) +
                                  " bytes has no room for an event");
        return false;
    }
    event.cpu = load<uint16_t>(body);
    event.flags = kind.flags ? load<uint32_t>(body + 2) : 0;
    const uint8_t *at = body + lead;
    const uint32_t available = size - lead;
    event.time = load<uint64_t>(at);
    event.tid = load<uint64_t>(at + 8);
    uint32_t length = load<uint32_t>(at + 16);
    event.type = load<uint16_t>(at + 20);
    if(event.type >= tables_.types.size()) {
        unknown_++;
        return false;
    }
    const scap_type &type = tables_.types[event.type];
    if(!kind.counted) {
        // Old captures state three bytes too many for these two.
        if(event.type == tables_.notification || event.type == tables_.infrastructure) length -= 3;
        if(length < header || length > available) {
            problem(block.offset, "an event states " + std::to_string(length) + " bytes of the " +
                                      std::to_string(available) + " in its block");
            return false;
        }
        return count_old(event, at + header, static_cast<uint32_t>(length - header), block);
    }
    if(length < header || length > available) {
        problem(block.offset, "an event states " + std::to_string(length) + " bytes of the " +
                                  std::to_string(available) + " in its block");
        return false;
    }
    event.count = load<uint32_t>(at + 22);
    const uint32_t width = type.flags & SCAP_LARGE ? 4 : 2;
    const uint64_t lengths = uint64_t{event.count} * width;
    if(header + lengths > length) {
        problem(block.offset, "an event of " + std::to_string(length) + " bytes states " +
                                  std::to_string(event.count) + " parameters");
        return false;
    }
    const uint8_t *sizes = at + header;
    const uint8_t *data = sizes + lengths;
    uint64_t left = length - header - lengths;
    for(uint32_t i = 0; i < event.count; i++) {
        const uint32_t n = width == 4 ? load<uint32_t>(sizes + 4 * uint64_t{i})
                                      : load<uint16_t>(sizes + 2 * uint64_t{i});
        if(n > left) {
            problem(block.offset, "parameter " + std::to_string(i) + " of an event states " +
                                      std::to_string(n) + " bytes of the " + std::to_string(left) +
                                      " that are left");
            return false;
        }
        if(i < scap_tables::kMaxParameters) event.parameters[i] = {data, n};
        data += n;
        left -= n;
    }
    return true;
}

bool Reader::count_old(Event &event, const uint8_t *lengths, uint32_t size, const Block &block) {
    // The first event blocks do not say how many parameters follow: the number is right for which
    // the lengths add up to the size of the event.
    for(int count = tables_.types[event.type].count; count >= 0; count--) {
        uint64_t total = 2u * static_cast<unsigned>(count);
        if(total > size) continue;
        for(int i = 0; i < count; i++) total += load<uint16_t>(lengths + 2 * i);
        if(total > size) continue;
        if(total < size) break;
        event.count = static_cast<uint32_t>(count);
        const uint8_t *data = lengths + 2 * count;
        for(int i = 0; i < count; i++) {
            const uint16_t n = load<uint16_t>(lengths + 2 * i);
            event.parameters[i] = {data, n};
            data += n;
        }
        return true;
    }
    problem(block.offset, "the parameters of an event of type " + std::to_string(event.type) +
                              " do not fill its " + std::to_string(size) + " bytes");
    return false;
}

void Reader::drop(const Block &block, const uint8_t *at) {
    dropped_++;
    initial_ = false;
    if(limits_.keep_folded) folded_.before(number_ + 1, at, block.length);
}

void Reader::keep(const Event &event, uint16_t old_type, uint32_t old_count, const Block &block,
                  const uint8_t *at) {
    bool exact = true;  // what the file has of it can be given back
    const scap_type &type = tables_.types[event.type];
    Table &table = types_[event.type];
    int8_t child = child_of_[event.type];
    if(child < 0) {
        child = child_of_[event.type] = static_cast<int8_t>(codes_.size());
        codes_.push_back(event.type);
    }
    // Falco takes in the containers, users and groups that open a section before it judges
    // anything, and at a later section it does not count them.
    initial_ = initial_ && (type.flags & SCAP_INITIAL);
    if(!initial_ || section_ == 0) number_++;
    type_ids_.push(child);
    offsets_.push(static_cast<int32_t>(table.rows));
    num_.number(number_);
    time_.number(event.time);
    cpu_.number(event.cpu);
    tid_.number(event.tid);
    type_.number(event.type);
    present_.number(static_cast<uint8_t>(std::min<uint32_t>(event.count, type.count)));
    flags_.number(event.flags | (initial_ ? uint32_t{SCAP_FLAG_INITIAL} : 0));
    for(unsigned i = 0; i < type.count; i++) {
        if(i >= event.count) {
            table.columns[i].null();
            continue;
        }
        bytes_ += event.parameters[i].size;
        const Slice &value = event.parameters[i];
        Column &column = table.columns[i];
        if(!column.append(value)) {
            malformed_++;
            exact &= i >= old_count;
        } else if(column.texts() && value.size && value.data[value.size - 1]) {
            exact &= i >= old_count;  // a text given back ends with a NUL
        }
    }
    table.rows++;
    rows_++;
    // Several events that open a later section share a number: it would not tell them apart.
    const bool same = exact && old_type == event.type && old_count == type.count;
    if(limits_.keep_folded && !(initial_ && section_) && !(same && folded_.usual(event.type)))
        folded_.original(number_, old_type, old_count, event, type.count, exact, at, block.length);
}

}  // namespace scap
