#include "values.hpp"

namespace probe {

namespace {

const Function *const kLists[] = {kFlagFunctions, kCodeFunctions, kFileFunctions,
                                  kSocketFunctions, kProcessFunctions};

constexpr int kStride = 256;

}  // namespace

bool Call::take_apart(const uint8_t *record, size_t size, const probe_recipe &recipe) {
    rooms_used_ = 0;
    n_arguments_ = recipe.arguments;
    n_pieces_ = recipe.pieces;
    size_t at = sizeof(probe_record) + 8 * n_arguments_;
    if(size < at) return false;
    std::memcpy(&head_, record, sizeof head_);
    arguments_ = record + sizeof(probe_record);
    for(unsigned i = 0; i < n_pieces_; i++) {
        if(size - at < 2) return false;
        const uint16_t length = load<uint16_t>(record + at);
        at += 2;
        if(length == PIECE_NONE) {
            pieces_[i] = {nullptr, 0};
            continue;
        }
        if(size - at < length) return false;
        pieces_[i] = {record + at, length};
        at += length;
    }
    return true;
}

bool Call::number(const probe_source &source, int64_t &value) const {
    uint8_t raw[8] = {};
    value = 0;
    switch(source.kind) {
    case SOURCE_RESULT:
        value = head_.result;
        break;
    case SOURCE_CONSTANT:
        value = source.constant;
        return true;
    case SOURCE_ARGUMENT:
        value = static_cast<int64_t>(argument(source.index));
        break;
    case SOURCE_FIELD: {
        if(source.index >= n_pieces_) return false;
        const Slice piece = pieces_[source.index];
        if(!piece.data || piece.size < source.offset + source.width) return false;
        std::memcpy(raw, piece.data + source.offset, source.width);
        value = load<int64_t>(raw);
        break;
    }
    default:
        return false;
    }
    const unsigned spare = 64 - 8 * source.width;
    const uint64_t up = static_cast<uint64_t>(value) << spare;
    value = source.is_signed ? static_cast<int64_t>(up) >> spare : static_cast<int64_t>(up >> spare);
    return true;
}

Value convert(int32_t function, Call &call, const probe_source *sources) {
    return kLists[function / kStride][function % kStride].make(call, sources);
}

}  // namespace probe

extern "C" int32_t probe_function(const char *name) {
    using namespace probe;
    for(size_t list = 0; list < sizeof kLists / sizeof *kLists; list++)
        for(int i = 0; kLists[list][i].name; i++)
            if(!std::strcmp(kLists[list][i].name, name))
                return static_cast<int32_t>(list) * kStride + i;
    return -1;
}
