// A table of the state that a section starts with, column by column.
#pragma once

#include <string_view>
#include <vector>

#include "batch.hpp"

namespace state {

class StartTable {
public:
    explicit StartTable(const state_table_in &in) {
        if(!in.array) return;
        const auto &array = *reinterpret_cast<const ArrowArray *>(in.array);
        rows_ = array.length;
        for(int64_t i = 0; i < array.n_children && i < static_cast<int64_t>(in.columns); ++i) {
            columns_.emplace_back(*array.children[i], in.kinds[i], array.offset);
        }
    }
    int64_t rows() const { return rows_; }
    bool has(int64_t row, size_t column) const {
        return column < columns_.size() && columns_[column].has(row);
    }
    int64_t number(int64_t row, size_t column, int64_t otherwise = 0) const {
        return has(row, column) ? columns_[column].number(row) : otherwise;
    }
    std::string_view bytes(int64_t row, size_t column) const {
        return has(row, column) ? columns_[column].bytes(row) : std::string_view{};
    }

private:
    std::vector<Column> columns_;
    int64_t rows_ = 0;
};

// NUL-separated texts without the last NUL.
inline std::string_view list_of(std::string_view texts) {
    if(!texts.empty() && texts.back() == '\0') texts.remove_suffix(1);
    return texts;
}

}  // namespace state
