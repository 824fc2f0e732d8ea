// Columns that grow by one value, and leave as Arrow arrays.
#pragma once

#include <memory>
#include <vector>

#include "arrow.hpp"
#include "scap.h"

namespace scap {

// Bytes of the file. Not initialised by itself: an event holds 32 of them.
struct Slice {
    const uint8_t *data;
    uint32_t size;
};

class Column {
public:
    explicit Column(uint8_t kind = SCAP_FIXED, uint8_t width = 0,
                    const scap_choice *choices = nullptr, uint8_t n_choices = 0);
    Column(Column &&) noexcept = default;
    Column &operator=(Column &&) noexcept = default;

    int64_t length() const { return length_; }
    bool texts() const { return kind_ == SCAP_TEXT || kind_ == SCAP_TEXTS; }

    // Appends a value as the file holds it: length zero is null. False when its length does not
    // fit the type; null is appended then.
    bool append(Slice value) {
        if(value.size == 0) {
            null();
            return true;
        }
        switch(kind_) {
        case SCAP_FIXED:
            if(value.size != width_) {
                null();
                return false;
            }
            std::memcpy(values_.grow(width_), value.data, width_);
            valid();
            return true;
        case SCAP_TEXT:
            text(value.data, value.size - (value.data[value.size - 1] == 0));
            return true;
        case SCAP_BYTES:
            text(value.data, value.size);
            return true;
        default:
            return append_nested(value);
        }
    }
    void null();
    // A value that is there, whatever its length.
    void text(const uint8_t *data, size_t size) {
        values_.append(data, size);
        offsets_.push(static_cast<int32_t>(values_.size()));
        valid();
    }
    // The same of two pieces.
    void text(const uint8_t *data, size_t size, const uint8_t *more, size_t more_size) {
        values_.append(data, size);
        text(more, more_size);
    }
    // A number of the column's width, or a text of any.
    void text_or_fixed(const uint8_t *data, size_t size) {
        if(kind_ == SCAP_FIXED) {
            values_.append(data, size);
            valid();
        } else {
            text(data, size);
        }
    }
    // Takes the last value back; only for columns of numbers and texts.
    void drop_last();
    template <class T> void number(T value) {
        values_.push(value);
        valid();
    }

    size_t bytes() const { return values_.size() + offsets_.size(); }
    void move_to(ArrowArray *to);
    void clear();

private:
    bool append_nested(Slice value);
    void append_dynamic(Slice value);
    void valid() {
        if(nulls_) set_valid(true);
        length_++;
    }
    void set_valid(bool valid);
    void start();

    uint8_t kind_;
    uint8_t width_;
    uint8_t n_choices_;
    const scap_choice *choices_;
    int64_t length_ = 0;
    int64_t nulls_ = 0;
    Buffer validity_;
    Buffer offsets_;
    Buffer values_;
    std::vector<Column> children_;
};

// A struct of columns: a table of state, or the parameters of one event type.
class Table {
public:
    std::vector<Column> columns;

    int64_t rows = 0;

    void move_to(ArrowArray *to);
    void clear();
    size_t bytes() const;
};

}  // namespace scap
