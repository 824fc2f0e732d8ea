// A record taken apart, and the values that conversions make of it.
#pragma once

#include <cstdint>
#include <cstring>
#include <vector>

#include "columns.hpp"
#include "probe.h"

namespace probe {

using scap::Slice;

// A number, bytes, or nothing (an empty parameter).
struct Value {
    enum Kind : uint8_t { kEmpty, kNumber, kBytes } kind;
    int64_t number;
    Slice bytes;
};

inline Value empty() {
    return {Value::kEmpty, 0, {nullptr, 0}};
}
inline Value number(int64_t value) {
    return {Value::kNumber, value, {nullptr, 0}};
}
inline Value bytes(Slice value) {
    return {value.size ? Value::kBytes : Value::kEmpty, 0, value};
}

template <class T> T load(const uint8_t *from) {
    T value;
    std::memcpy(&value, from, sizeof(T));
    return value;
}

class Call {
public:
    // False when the record does not hold what its recipe says.
    bool take_apart(const uint8_t *record, size_t size, const probe_recipe &recipe);

    int64_t result() const { return head_.result; }
    const probe_record &head() const { return head_; }
    uint64_t argument(unsigned index) const {
        return index < n_arguments_ ? load<uint64_t>(arguments_ + 8 * index) : 0;
    }
    // With data nullptr when the probe could not read it.
    Slice piece(const probe_source &source) const {
        return source.kind == SOURCE_PIECE && source.index < n_pieces_ ? pieces_[source.index]
                                                                       : Slice{nullptr, 0};
    }
    Slice piece(unsigned index) const { return index < n_pieces_ ? pieces_[index] : Slice{nullptr, 0}; }
    void replace(unsigned index, const void *data, size_t size) {
        if(size && index < n_pieces_)
            pieces_[index] = {static_cast<const uint8_t *>(data), static_cast<uint32_t>(size)};
    }
    // The struct that a piece begins with; nullptr when it is missing.
    template <class T> const T *as(const probe_source &source, T &room) const {
        const Slice found = piece(source);
        if(!found.data || found.size < sizeof(T)) return nullptr;
        std::memcpy(&room, found.data, sizeof(T));
        return &room;
    }
    // False when the piece is missing; the value is 0 then.
    bool number(const probe_source &source, int64_t &value) const;
    int64_t number(const probe_source &source) const {
        int64_t value = 0;
        number(source, value);
        return value;
    }

    // Room for bytes that are made up; what it holds lives until the next record.
    std::vector<uint8_t> &room() {
        rooms_used_++;
        if(rooms_.size() < rooms_used_) rooms_.resize(rooms_used_);
        rooms_[rooms_used_ - 1].clear();
        return rooms_[rooms_used_ - 1];
    }

private:
    probe_record head_;
    const uint8_t *arguments_;
    unsigned n_arguments_;
    unsigned n_pieces_;
    Slice pieces_[MAX_STEPS];
    std::vector<std::vector<uint8_t>> rooms_ = std::vector<std::vector<uint8_t>>(32);
    size_t rooms_used_ = 0;
};

struct Function {
    const char *name;
    Value (*make)(Call &call, const probe_source *sources);
};

// Conversions by file; each list ends with a nameless one.
extern const Function kFlagFunctions[];
extern const Function kCodeFunctions[];
extern const Function kFileFunctions[];
extern const Function kSocketFunctions[];
extern const Function kProcessFunctions[];

Value convert(int32_t function, Call &call, const probe_source *sources);

}  // namespace probe
