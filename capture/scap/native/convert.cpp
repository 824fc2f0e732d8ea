#include "convert.hpp"

#include <algorithm>

namespace scap {

namespace {

constexpr uint8_t kZeros[16] = {};
constexpr uint8_t kOnes[16] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                               0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

// Falco gives up after so many steps; no chain of the table is nearly as long.
constexpr int kMaxSteps = 50;

bool is_enter(uint16_t type) {
    return (type & 1) == 0;
}

Slice parameter_of(const std::vector<uint8_t> &bytes, const std::vector<uint32_t> &sizes,
                   unsigned number) {
    size_t at = 0;
    for(unsigned i = 0; i < number; i++) at += sizes[i];
    return {bytes.data() + at, sizes[number]};
}

}  // namespace

Converter::Result Converter::convert(Event &event) {
    for(int step = 0; step < kMaxSteps; step++) {
        Test result = test(event);
        if(result == kContinue) {
            const scap_conversion *row = tables_.conversion(event.type, event.count);
            if(!row) {
                problem_ = "no rule converts an event of type " + std::to_string(event.type) +
                           " with " + std::to_string(event.count) + " parameters";
                return kWrong;
            }
            result = apply(event, *row);
        }
        switch(result) {
        case kDone:
            return kPass;
        case kDropped:
            return kDrop;
        case kRefused:
            return kWrong;
        case kContinue:
            break;
        }
    }
    problem_ = "the conversion of an event of type " + std::to_string(event.type) + " does not end";
    return kWrong;
}

Converter::Test Converter::test(const Event &event) {
    const scap_type &type = tables_.types[event.type];
    if(type.flags & SCAP_UNUSED) return kDropped;
    if(!(type.flags & SCAP_CONVERTED)) {
        if(!(type.flags & SCAP_OLD)) return kDone;
        if(is_enter(event.type)) return kDropped;
        problem_ = "no rule converts an exit event of the old type " + std::to_string(event.type);
        return kRefused;
    }
    if(is_enter(event.type)) return kContinue;
    if(event.count > type.count) {
        problem_ = "an event of type " + std::to_string(event.type) + " has " +
                   std::to_string(event.count) + " parameters, more than its " +
                   std::to_string(type.count);
        return kRefused;
    }
    if((type.flags & SCAP_OLD) || event.count != type.count) return kContinue;
    return kDone;
}

Converter::Test Converter::apply(Event &event, const scap_conversion &row) {
    switch(row.action) {
    case SCAP_PASS:
        return kDone;
    case SCAP_STORE:
        store(event);
        return kDropped;
    case SCAP_STORE_AND_PASS:
        store(event);
        return kDone;
    default:
        break;
    }

    const uint16_t old_type = event.type;
    const uint32_t old_count = event.count;
    Slice old[scap_tables::kMaxParameters];
    uint32_t at = 0;
    if(row.action == SCAP_ADD) {
        at = old_count;
    } else {
        event.type = row.becomes;
        std::copy_n(event.parameters, std::min(old_count, scap_tables::kMaxParameters + 0u), old);
    }
    if(at + row.steps > scap_tables::kMaxParameters) {
        problem_ = "a converted event would have too many parameters";
        return kRefused;
    }
    event.count = at + row.steps;

    const Pending *enter = nullptr;
    bool asked = false;
    bool used = false;
    for(unsigned i = 0; i < row.steps; i++, at++) {
        const scap_step &step = tables_.steps[row.first + i];
        const scap_parameter &parameter = tables_.parameter(event.type, at);
        const Slice fallback{parameter.all_ones ? kOnes : kZeros,
                             parameter.kind == SCAP_FIXED ? parameter.width : 0u};
        Slice &value = event.parameters[at];
        switch(step.source) {
        case SCAP_FROM_OLD:
            if(step.number >= old_count) {
                problem_ = "an event of type " + std::to_string(old_type) + " lacks parameter " +
                           std::to_string(step.number);
                return kRefused;
            }
            value = fitted(old[step.number], event.type, at);
            break;
        case SCAP_FROM_ENTER:
            if(!asked) {
                enter = entered(event.tid, old_type);
                asked = true;
            }
            if(enter && step.number < enter->count) {
                value = fitted(parameter_of(enter->bytes, enter->sizes, step.number), event.type,
                               at);
                used = true;
            } else {
                if(enter)
                    problem_ = "the enter event of type " + std::to_string(enter->type) +
                               " lacks parameter " + std::to_string(step.number);
                value = step.or_empty ? Slice{} : fallback;
            }
            break;
        case SCAP_FROM_DEFAULT:
            value = fallback;
            break;
        case SCAP_FROM_CONTAINER:
            if(!container(old, old_count, value)) value = Slice{};
            break;
        default:
            value = Slice{};
            break;
        }
    }
    // The bytes stay in place: nothing is stored before the event has left for the columns.
    if(used) pending_[event.tid].set = false;
    return kContinue;
}

Slice Converter::fitted(Slice value, uint16_t type, unsigned number) const {
    const scap_parameter &parameter = tables_.parameter(type, number);
    uint32_t most = UINT32_MAX;
    if(parameter.kind == SCAP_FIXED) {
        most = parameter.width;
    } else if(!(tables_.types[type].flags & SCAP_LARGE)) {
        most = UINT16_MAX;
    }
    return {value.data, std::min(value.size, most)};
}

void Converter::store(const Event &event) {
    if(pending_bytes_ > max_pending_) {
        problem_ = "too many enter events wait for their exit: all of them are forgotten";
        pending_.clear();
        pending_bytes_ = 0;
    }
    Pending &kept = pending_[event.tid];
    const size_t before = kept.counted ? kept.cost() : 0;
    kept.counted = true;
    kept.type = event.type;
    kept.set = true;
    kept.count = std::min<uint32_t>(event.count, scap_tables::kMaxParameters);
    kept.sizes.clear();
    kept.bytes.clear();
    for(uint32_t i = 0; i < kept.count; i++) {
        const Slice &value = event.parameters[i];
        kept.sizes.push_back(value.size);
        kept.bytes.insert(kept.bytes.end(), value.data, value.data + value.size);
    }
    pending_bytes_ += kept.cost() - before;
}

const Converter::Pending *Converter::entered(uint64_t tid, uint16_t exit) {
    const auto found = pending_.find(tid);
    if(found == pending_.end() || !found->second.set) return nullptr;
    Pending &kept = found->second;
    if(kept.type != exit - 1) {
        // Falco stops here. The stored event belongs to a call whose exit was lost, so it is of no
        // use: the exit is read as if there were none.
        problem_ = "the enter event kept for thread " + std::to_string(tid) + " is of type " +
                   std::to_string(kept.type) + ", not " + std::to_string(exit - 1) + " as its exit needs";
        kept.set = false;
        return nullptr;
    }
    return &kept;
}

bool Converter::container(const Slice *old, uint32_t count, Slice &json) {
    // id, type, name and image of an old container event, as the JSON of the newer one.
    if(count < 4 || old[1].size > 4) return false;
    std::string texts[4];
    for(unsigned i : {0u, 2u, 3u}) {
        const Slice &text = old[i];
        if(text.size == 0) return false;
        texts[i].assign(reinterpret_cast<const char *>(text.data), text.size - 1);
    }
    uint32_t kind = 0;
    std::memcpy(&kind, old[1].data, old[1].size);
    json_ = "{\"id\":\"" + texts[0] + "\",\"type\":" + std::to_string(kind) + ",\"name\":\"" +
            texts[2] + "\",\"image\":\"" + texts[3] + "\"}";
    json = {reinterpret_cast<const uint8_t *>(json_.c_str()),
            static_cast<uint32_t>(json_.size() + 1)};
    return true;
}

}  // namespace scap
