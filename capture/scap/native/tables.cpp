#include "tables.hpp"

extern "C" scap_tables *scap_tables_new(
    const scap_type *types, size_t n_types, const scap_parameter *parameters, size_t n_parameters,
    const scap_choice *choices, size_t n_choices, const scap_conversion *conversions,
    size_t n_conversions, const scap_step *steps, size_t n_steps, uint16_t notification,
    uint16_t infrastructure) {
    auto *tables = new scap_tables;
    tables->types.assign(types, types + n_types);
    tables->parameters.assign(parameters, parameters + n_parameters);
    tables->choices.assign(choices, choices + n_choices);
    tables->conversions.assign(conversions, conversions + n_conversions);
    tables->steps.assign(steps, steps + n_steps);
    tables->notification = notification;
    tables->infrastructure = infrastructure;
    constexpr unsigned stride = scap_tables::kMaxParameters + 1;
    tables->conversion_of.assign(n_types * stride, -1);
    for(size_t i = 0; i < n_conversions; i++) {
        const scap_conversion &row = conversions[i];
        tables->conversion_of[row.type * stride + row.count] = static_cast<int32_t>(i);
    }
    return tables;
}

extern "C" void scap_tables_free(scap_tables *tables) {
    delete tables;
}
