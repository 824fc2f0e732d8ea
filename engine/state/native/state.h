/* What Python sees of the native state engine: see engine/state/machine.py. */
#ifndef FALCOWB_STATE_H
#define FALCOWB_STATE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What an event does to the state; engine/state/kinds.py names the event types of each. */
enum {
    STATE_NOTHING, STATE_STORE_ENTER, STATE_READ, STATE_WRITE, STATE_OPEN, STATE_CREAT,
    STATE_OPENAT, STATE_OPENAT2, STATE_OPEN_BY_HANDLE, STATE_UNSHARE, STATE_SETNS, STATE_MEMFD,
    STATE_CLONE, STATE_PIDFD_OPEN, STATE_PIDFD_GETFD, STATE_EXECVE, STATE_PROCEXIT, STATE_PIPE,
    STATE_SOCKET, STATE_BIND, STATE_CONNECT, STATE_ACCEPT, STATE_CLOSE, STATE_CLOSE_RANGE,
    STATE_FCNTL, STATE_EVENTFD, STATE_CHDIR, STATE_FCHDIR, STATE_DUP, STATE_NEW_FD, STATE_RLIMIT,
    STATE_PRLIMIT, STATE_SOCKETPAIR, STATE_SCHEDSWITCH, STATE_MEMORY, STATE_SETUID, STATE_SETGID,
    STATE_CHROOT, STATE_SETSID, STATE_CAPSET, STATE_USER_ADDED, STATE_USER_DELETED,
    STATE_GROUP_ADDED, STATE_GROUP_DELETED, STATE_PRCTL
};

/* Bits of an event type. */
enum {
    STATE_ENTER = 1,        /* an enter event or a tracepoint */
    STATE_USES_FD = 2,
    STATE_FD_RELATED = 4,   /* creates, uses or destroys a file */
    STATE_SKIP = 8,         /* says nothing about a thread */
    STATE_META = 16,        /* belongs to no thread */
    STATE_NO_QUERY = 32,    /* makes no entry for a thread that is not known */
    STATE_PROCINFO = 64
};

/* What a parameter may refer to. */
enum { STATE_TO_FD = 1, STATE_TO_FDS, STATE_TO_THREAD, STATE_TO_USER, STATE_TO_GROUP };

/* How the values of a parameter (or of a column of the start state) lie in Arrow. */
enum {
    STATE_I8, STATE_I16, STATE_I32, STATE_I64, STATE_U8, STATE_U16, STATE_U32, STATE_U64,
    STATE_BYTES, STATE_FDLIST, STATE_OTHER
};

typedef struct {
    uint8_t action;        /* STATE_NOTHING ... */
    uint8_t argument;      /* of the action, see engine/state/kinds.py */
    int8_t option;         /* of the action: a parameter, -1 for none */
    uint8_t bits;
    int8_t fd_parameter;   /* that names the file of the event, -1 for none */
    uint8_t parameters;    /* how many */
    uint32_t referring;    /* a bit for each of them that refers to something */
    uint32_t first;        /* index of its first parameter */
} state_type;

typedef struct {
    uint8_t kind;          /* STATE_I8 ... */
    uint8_t refers;        /* to STATE_TO_FD ..., 0 for nothing */
} state_parameter;

typedef struct {
    uint32_t max_threads;
    uint32_t max_fds;      /* of one process */
    uint32_t max_names;    /* users, groups and containers, of each */
    uint32_t max_depth;    /* ancestors that are followed */
    uint8_t containers;    /* 0: no thread belongs to a container, as Falco without its plugin */
} state_limits;

typedef struct state_engine state_engine;

state_engine *state_new(const state_type *types, size_t n_types,
                        const state_parameter *parameters, size_t n_parameters,
                        const state_limits *limits);
void state_free(state_engine *engine);

/* Forgets everything and takes the state a section starts with: ArrowArray structs at these
   addresses, whose children have the kinds given. They are only read. `walked`: the tables of
   capture/events/walked_state.py in its order, or NULL. Returns 0, or -1. */
typedef struct {
    uintptr_t array;
    const uint8_t *kinds;
    size_t columns;
} state_table_in;
int state_begin(state_engine *engine, const state_table_in *threads, const state_table_in *fds,
                const state_table_in *users, const state_table_in *groups,
                const state_table_in *interfaces, const state_table_in *walked, uint64_t boot_ts);
enum { STATE_WALKED = 7 };

/* A container that an event of this batch makes known, or takes away (reference -1). */
typedef struct {
    int64_t row;
    const char *id;
    size_t size;
    int32_t reference;
} state_container;

/* What the caller gets of each event; arrays of as many elements as the batch has rows. */
typedef struct {
    int32_t *lineage;
    int32_t *fd;
    int64_t *fd_number;
    int32_t *fd_count;
    uint32_t *fd_types;
    int32_t *memory;
    uint8_t *flags;
} state_out;

enum { STATE_OWN_FD = 1, STATE_NAME_CHANGED = 2 };

/* Walks a batch: an ArrowArray struct at this address whose columns are those of
   capture/events/schema.py, the last the union, of these event types. Returns 0, or -1 with
   state_error. */
int state_feed(state_engine *engine, uintptr_t batch, const uint16_t *codes, size_t n_codes,
               const state_container *containers, size_t n_containers, const state_out *out);
const char *state_error(const state_engine *engine);

/* The tables of what has been fed since the last state_clear. */
enum { STATE_THREADS, STATE_NODES, STATE_LINEAGES, STATE_FDS, STATE_USERS, STATE_GROUPS,
       STATE_MEMORY_ROWS, STATE_REFERENCES, STATE_TABLES };
typedef struct {
    const char *name;
    const char *type;      /* of numpy; "t" for a code into the texts */
    const void *data;
    size_t bytes;
} state_column;
size_t state_columns(const state_engine *engine, int table);
int state_column_at(state_engine *engine, int table, size_t column, state_column *to);
/* The texts: n + 1 offsets, and the bytes. */
size_t state_texts(const state_engine *engine, const int32_t **offsets, const char **bytes);
void state_clear(state_engine *engine);

/* The state of this moment, as state_begin takes it: tables with these columns until the next call.
   Their texts are their own. Returns 0, or -1 with state_error. */
enum { STATE_SNAP_THREADS, STATE_SNAP_FDS, STATE_SNAP_USERS, STATE_SNAP_GROUPS,
       STATE_SNAP_WALKED, STATE_SNAP_TABLES = STATE_SNAP_WALKED + STATE_WALKED };
int state_snapshot(state_engine *engine);
int state_snapshot_column(state_engine *engine, int table, size_t column, state_column *to);
size_t state_snapshot_texts(const state_engine *engine, const int32_t **offsets,
                            const char **bytes);
void state_snapshot_clear(state_engine *engine);

typedef struct {
    uint64_t threads;      /* live now */
    uint64_t fds;          /* distinct file states held now */
    uint64_t texts;        /* distinct texts held now */
    uint64_t refused;      /* threads, files and names for which there was no room */
} state_counts;
void state_count(const state_engine *engine, state_counts *to);

#ifdef __cplusplus
}
#endif

#endif
