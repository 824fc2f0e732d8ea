#include "columns.hpp"

namespace scap {

Column::Column(uint8_t kind, uint8_t width, const scap_choice *choices, uint8_t n_choices):
    kind_{kind}, width_{width}, n_choices_{n_choices}, choices_{choices} {
    switch(kind) {
    case SCAP_TEXTS:
        children_.emplace_back(SCAP_BYTES);
        break;
    case SCAP_FDLIST:
        children_.emplace_back(SCAP_FIXED, 8);
        children_.emplace_back(SCAP_FIXED, 2);
        break;
    case SCAP_DYNAMIC:
        children_.emplace_back(SCAP_FIXED, 1);
        children_.emplace_back(SCAP_FIXED, 8);
        children_.emplace_back(SCAP_BYTES);
        break;
    default:
        break;
    }
    start();
}

void Column::start() {
    const bool with_offsets = kind_ != SCAP_FIXED && kind_ != SCAP_DYNAMIC;
    if(with_offsets) offsets_.push<int32_t>(0);
}

void Column::set_valid(bool valid) {
    const auto at = static_cast<size_t>(length_);
    if((at & 7) == 0 || validity_.size() == 0) {
        // Until the first null there is no bitmap: everything before was valid.
        const size_t whole = at / 8 + 1;
        const size_t have = validity_.size();
        if(whole > have) std::memset(validity_.grow(whole - have), have ? 0 : 0xff, whole - have);
        if(!have) validity_.data()[at / 8] = static_cast<uint8_t>((1u << (at & 7)) - 1);
    }
    if(valid) validity_.data()[at / 8] |= static_cast<uint8_t>(1u << (at & 7));
}

void Column::null() {
    switch(kind_) {
    case SCAP_FIXED:
        std::memset(values_.grow(width_), 0, width_);
        break;
    case SCAP_DYNAMIC: {
        const uint8_t zero = 0;
        children_[0].append({&zero, 1});
        children_[1].null();
        children_[2].null();
        break;
    }
    case SCAP_TEXTS:
        offsets_.push(static_cast<int32_t>(children_[0].length()));
        break;
    case SCAP_FDLIST:
        offsets_.push(static_cast<int32_t>(children_[0].length()));
        break;
    default:
        offsets_.push(static_cast<int32_t>(values_.size()));
        break;
    }
    nulls_++;
    set_valid(false);
    length_++;
}

void Column::drop_last() {
    length_--;
    if(kind_ == SCAP_FIXED) {
        values_.shrink(values_.size() - width_);
    } else {
        offsets_.shrink(offsets_.size() - sizeof(int32_t));
        int32_t end = 0;
        std::memcpy(&end, offsets_.data() + offsets_.size() - sizeof(int32_t), sizeof(int32_t));
        values_.shrink(static_cast<size_t>(end));
    }
    if(nulls_) {
        const auto at = static_cast<size_t>(length_);
        uint8_t &byte = validity_.data()[at / 8];
        const auto bit = static_cast<uint8_t>(1u << (at & 7));
        if(!(byte & bit)) nulls_--;
        byte &= static_cast<uint8_t>(~bit);
        if((at & 7) == 0) validity_.shrink(at / 8);
        if(!nulls_) validity_.clear();
    }
}

bool Column::append_nested(Slice value) {
    if(kind_ == SCAP_TEXTS) {
        // NUL ends each text; the last one may lack it.
        const uint8_t *at = value.data, *end = value.data + value.size;
        while(at < end) {
            const auto *stop = static_cast<const uint8_t *>(std::memchr(at, 0, end - at));
            if(!stop) stop = end;
            children_[0].text(at, stop - at);
            at = stop + 1;
        }
        offsets_.push(static_cast<int32_t>(children_[0].length()));
        valid();
        return true;
    }
    if(kind_ == SCAP_FDLIST) {
        uint16_t count = 0;
        if(value.size >= 2) std::memcpy(&count, value.data, 2);
        if(value.size != 2 + 10u * count) {
            null();
            return false;
        }
        for(uint16_t i = 0; i < count; i++) {
            children_[0].append({value.data + 2 + 10u * i, 8});
            children_[1].append({value.data + 10 + 10u * i, 2});
        }
        offsets_.push(static_cast<int32_t>(children_[0].length()));
        valid();
        return true;
    }
    append_dynamic(value);
    return true;
}

void Column::append_dynamic(Slice value) {
    const Slice rest{value.data + 1, value.size - 1};
    children_[0].append({value.data, 1});
    const scap_choice *choice = value.data[0] < n_choices_ ? &choices_[value.data[0]] : nullptr;
    if(choice && choice->kind == SCAP_FIXED && rest.size == choice->width && rest.size <= 8) {
        uint64_t number = 0;
        std::memcpy(&number, rest.data, rest.size);
        if(choice->is_signed && rest.size < 8 && (rest.data[rest.size - 1] & 0x80))
            number |= ~uint64_t{0} << (8 * rest.size);
        children_[1].number(number);
        children_[2].null();
    } else {
        // Texts and bytes, and whatever does not fit: kept as they are.
        const bool strip = choice && choice->kind == SCAP_TEXT && rest.size &&
                           rest.data[rest.size - 1] == 0;
        children_[1].null();
        children_[2].text(rest.data, rest.size - strip);
    }
    valid();
}

void Column::move_to(ArrowArray *to) {
    std::vector<std::unique_ptr<ArrowArray>> children;
    uint8_t *validity = nulls_ ? validity_.release() : nullptr;
    std::vector<uint8_t *> buffers{validity};
    if(kind_ == SCAP_FDLIST) {
        std::vector<std::unique_ptr<ArrowArray>> fields;
        const int64_t items = children_[0].length();
        for(Column &child : children_) {
            fields.push_back(std::make_unique<ArrowArray>());
            child.move_to(fields.back().get());
        }
        children.push_back(std::make_unique<ArrowArray>());
        make_array(children.back().get(), items, 0, {nullptr}, std::move(fields));
        buffers.push_back(offsets_.release());
    } else if(kind_ == SCAP_TEXTS || kind_ == SCAP_DYNAMIC) {
        for(Column &child : children_) {
            children.push_back(std::make_unique<ArrowArray>());
            child.move_to(children.back().get());
        }
        if(kind_ == SCAP_TEXTS) buffers.push_back(offsets_.release());
    } else {
        if(kind_ != SCAP_FIXED) buffers.push_back(offsets_.release());
        if(values_.capacity() == 0) values_.grow(0);
        buffers.push_back(values_.release());
    }
    make_array(to, length_, nulls_, std::move(buffers), std::move(children));
    length_ = nulls_ = 0;
    validity_.clear();
    start();
}

void Column::clear() {
    validity_.clear();
    offsets_.clear();
    values_.clear();
    for(Column &child : children_) child.clear();
    length_ = nulls_ = 0;
    start();
}

void Table::move_to(ArrowArray *to) {
    std::vector<std::unique_ptr<ArrowArray>> children;
    for(Column &column : columns) {
        children.push_back(std::make_unique<ArrowArray>());
        column.move_to(children.back().get());
    }
    make_array(to, rows, 0, {nullptr}, std::move(children));
    rows = 0;
}

void Table::clear() {
    for(Column &column : columns) column.clear();
    rows = 0;
}

size_t Table::bytes() const {
    size_t total = 0;
    for(const Column &column : columns) total += column.bytes();
    return total;
}

}  // namespace scap
