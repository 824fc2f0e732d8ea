// Builds a batch of events out of records, by the recipes of calls.tsv.
#pragma once

#include <algorithm>
#include <memory>
#include <vector>

#include "values.hpp"

struct scap_tables;

namespace probe {

class Assembler {
public:
    Assembler(const scap_tables &tables, const probe_recipe *recipes, size_t n_recipes,
              const probe_parameter *parameters, size_t n_parameters, int64_t clock_offset);

    // False when the record is malformed, which is counted.
    bool append(const uint8_t *record, size_t size);
    // Whether the batch takes this record: its event type is there, or there is room for one more.
    bool fits(const uint8_t *record, size_t size) const;
    uint64_t rows() const { return rows_; }
    uint64_t bytes() const { return bytes_; }
    const std::vector<uint16_t> &codes() const { return codes_; }
    void move_batch(ArrowArray *to);

    const probe_counts &counts() const { return counts_; }
    uint64_t take_malformed(uint16_t call);
    void woke() { counts_.wakeups++; }
    void ask(probe_asker asker, void *handle) {
        asker_ = asker;
        handle_ = handle;
    }

private:
    struct Recipe : probe_recipe {
        bool parameters_known = false;
        Recipe() : probe_recipe{} {}
        Recipe &operator=(const probe_recipe &other) {
            static_cast<probe_recipe &>(*this) = other;
            parameters_known = true;
            return *this;
        }
    };

    Value value(const probe_parameter &parameter);
    void keep(scap::Column &column, const probe_parameter &parameter, const scap_parameter &shape);
    bool refuse(uint16_t call);
    // Whether the probe did not see this, nor anybody else.
    bool unseen(const probe_source &source) const;
    // Has the pieces that the probe could not read filled in.
    void complete(uint16_t call);

    const scap_tables &tables_;
    const std::vector<probe_parameter> parameters_;
    std::vector<Recipe> recipes_;
    const int64_t clock_offset_;
    Call call_;
    probe_asker asker_ = nullptr;
    void *handle_ = nullptr;
    probe_details details_{};
    uint8_t known_ = KNOWN_READ;
    bool begins_ = false;
    probe_counts counts_{};
    std::vector<uint64_t> malformed_;

    // The batch being filled.
    std::vector<scap::Table> types_;
    std::vector<int8_t> child_of_;
    std::vector<uint16_t> codes_;
    uint64_t rows_ = 0;
    uint64_t bytes_ = 0;
    scap::Column num_{SCAP_FIXED, 8}, time_{SCAP_FIXED, 8}, cpu_{SCAP_FIXED, 2},
        tid_{SCAP_FIXED, 8}, type_{SCAP_FIXED, 2}, present_{SCAP_FIXED, 1}, flags_{SCAP_FIXED, 4};
    scap::Buffer type_ids_, offsets_;
};

}  // namespace probe

struct probe_assembler {
    probe::Assembler assembler;
};
