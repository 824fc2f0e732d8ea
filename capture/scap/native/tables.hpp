// The event table as the native code uses it.
#pragma once

#include <vector>

#include "scap.h"

struct scap_tables {
    std::vector<scap_type> types;
    std::vector<scap_parameter> parameters;
    std::vector<scap_choice> choices;
    std::vector<scap_conversion> conversions;
    std::vector<scap_step> steps;
    // By type and number of parameters (below 33): index into conversions, or -1.
    std::vector<int32_t> conversion_of;
    uint16_t notification = 0;
    uint16_t infrastructure = 0;

    static constexpr unsigned kMaxParameters = 32;

    const scap_conversion *conversion(uint16_t type, uint32_t count) const {
        if(count > kMaxParameters) return nullptr;
        const int32_t index = conversion_of[type * (kMaxParameters + 1) + count];
        return index < 0 ? nullptr : &conversions[index];
    }
    const scap_parameter &parameter(uint16_t type, unsigned number) const {
        return parameters[types[type].first + number];
    }
};
