// state.h: the engine behind C.
#include "state.h"

#include <random>

#include "engine.hpp"
#include "snapshot.hpp"

struct state_engine {
    state::Engine engine;
    std::vector<state_column> columns;
    int table = -1;
    state::Snapshot snapshot;
};

extern "C" {

state_engine *state_new(const state_type *types, size_t n_types,
                        const state_parameter *parameters, size_t n_parameters,
                        const state_limits *limits) {
    std::random_device random;
    const uint64_t seed = (static_cast<uint64_t>(random()) << 32) | random();
    return new state_engine{
        {{types, types + n_types}, {parameters, parameters + n_parameters}, *limits, seed}, {}, -1, {}};
}

void state_free(state_engine *engine) { delete engine; }

int state_begin(state_engine *engine, const state_table_in *threads, const state_table_in *fds,
                const state_table_in *users, const state_table_in *groups,
                const state_table_in *interfaces, const state_table_in *walked, uint64_t boot_ts) {
    try {
        engine->engine.begin(*threads, *fds, *users, *groups, *interfaces, walked, boot_ts);
        return 0;
    } catch(const std::exception &error) {
        engine->engine.error = error.what();
        return -1;
    }
}

int state_feed(state_engine *engine, uintptr_t batch, const uint16_t *codes, size_t n_codes,
               const state_container *containers, size_t n_containers, const state_out *out) {
    try {
        return engine->engine.feed(*reinterpret_cast<const ArrowArray *>(batch), codes, n_codes,
                                   containers, n_containers, *out)
                   ? 0
                   : -1;
    } catch(const std::exception &error) {
        engine->engine.error = error.what();
        return -1;
    }
}

const char *state_error(const state_engine *engine) { return engine->engine.error.c_str(); }

size_t state_columns(const state_engine *engine, int table) {
    std::vector<state_column> columns;
    engine->engine.columns(table, columns);
    return columns.size();
}

int state_column_at(state_engine *engine, int table, size_t column, state_column *to) {
    if(column == 0 || table != engine->table) {
        engine->columns.clear();
        engine->engine.columns(table, engine->columns);
        engine->table = table;
    }
    if(column >= engine->columns.size()) return -1;
    *to = engine->columns[column];
    return 0;
}

size_t state_texts(const state_engine *engine, const int32_t **offsets, const char **bytes) {
    *offsets = engine->engine.locals.offsets();
    *bytes = engine->engine.locals.bytes();
    return engine->engine.locals.size();
}

void state_clear(state_engine *engine) {
    engine->engine.clear_tables();
    engine->table = -1;
}

int state_snapshot(state_engine *engine) {
    try {
        engine->engine.snapshot(engine->snapshot);
        return 0;
    } catch(const std::exception &error) {
        engine->engine.error = error.what();
        return -1;
    }
}

int state_snapshot_column(state_engine *engine, int table, size_t column, state_column *to) {
    if(table < 0 || table >= STATE_SNAP_TABLES) return -1;
    const auto &columns = engine->snapshot.columns[table];
    if(column >= columns.size()) return -1;
    *to = columns[column];
    return 0;
}

size_t state_snapshot_texts(const state_engine *engine, const int32_t **offsets,
                            const char **bytes) {
    *offsets = engine->snapshot.locals.offsets();
    *bytes = engine->snapshot.locals.bytes();
    return engine->snapshot.locals.size();
}

void state_snapshot_clear(state_engine *engine) { engine->snapshot.clear(); }

void state_count(const state_engine *engine, state_counts *to) {
    to->threads = engine->engine.live_threads();
    to->fds = engine->engine.live_fds;
    to->texts = engine->engine.texts.count();
    to->refused = engine->engine.refused;
}

}  // extern "C"
