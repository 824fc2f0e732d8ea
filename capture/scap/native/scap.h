/* What Python sees of the native .scap reader: see capture/scap/reader.py. */
#ifndef FALCOWB_SCAP_H
#define FALCOWB_SCAP_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The event table, as capture/scap/tables.py lays it out from the data files. */

typedef struct {
    uint32_t first;    /* index of its first parameter */
    uint8_t count;     /* number of parameters */
    uint8_t flags;     /* SCAP_UNUSED ... */
} scap_type;

typedef struct {
    uint8_t kind;      /* SCAP_FIXED ... */
    uint8_t width;     /* bytes of a SCAP_FIXED one; as a default, that many bytes are written */
    uint8_t all_ones;  /* the default is all ones, not zero */
    uint8_t dynamic;   /* index of the first choice of a SCAP_DYNAMIC one */
    uint8_t choices;   /* number of its choices */
} scap_parameter;

typedef struct {
    uint8_t kind;      /* SCAP_FIXED, SCAP_TEXT or SCAP_BYTES */
    uint8_t width;
    uint8_t is_signed;
} scap_choice;

typedef struct {
    uint16_t type;     /* an event of this type */
    uint8_t count;     /* with so many parameters */
    uint8_t action;    /* SCAP_PASS ... */
    uint16_t becomes;  /* type, for SCAP_BECOME */
    uint16_t first;    /* index of its first step */
    uint8_t steps;
} scap_conversion;

typedef struct {
    uint8_t source;    /* SCAP_FROM_OLD ... */
    uint8_t number;    /* parameter it is taken from */
    uint8_t or_empty;  /* without one: empty, not default */
} scap_step;

enum { SCAP_UNUSED = 1, SCAP_OLD = 2, SCAP_CONVERTED = 4, SCAP_LARGE = 8, SCAP_INITIAL = 16 };
/* Added to the flags of events that only tell the state a section begins with. */
enum { SCAP_FLAG_INITIAL = 0x40000000 };
enum { SCAP_FIXED, SCAP_TEXT, SCAP_BYTES, SCAP_TEXTS, SCAP_FDLIST, SCAP_DYNAMIC };
enum { SCAP_PASS = 1, SCAP_STORE, SCAP_STORE_AND_PASS, SCAP_ADD, SCAP_BECOME };
enum { SCAP_FROM_OLD = 1, SCAP_FROM_ENTER, SCAP_FROM_DEFAULT, SCAP_FROM_EMPTY,
       SCAP_FROM_CONTAINER };

/* What a row of folded blocks is: a block that stood before event num, one that stood for event num
   in place of what the columns give, or (rest: type, number) how many parameters the events of a
   type have from num on; SCAP_AS_PRESENT: as many as are present. */
enum { SCAP_FOLDED_BEFORE, SCAP_FOLDED_INSTEAD, SCAP_FOLDED_SHAPE };
enum { SCAP_AS_PRESENT = 255 };

typedef struct scap_tables scap_tables;

scap_tables *scap_tables_new(
    const scap_type *types, size_t n_types,
    const scap_parameter *parameters, size_t n_parameters,
    const scap_choice *choices, size_t n_choices,
    const scap_conversion *conversions, size_t n_conversions,
    const scap_step *steps, size_t n_steps,
    uint16_t notification, uint16_t infrastructure);
void scap_tables_free(scap_tables *tables);

/* Reading. The file descriptor stays the caller's; it is read from where it stands. */

typedef struct scap_reader scap_reader;

typedef struct {
    uint64_t max_rows;
    uint64_t first_rows;      /* of the first batch; every next one has twice as many, up to max_rows */
    uint64_t max_bytes;       /* parameter bytes of a batch */
    uint64_t max_event;       /* bytes of one event block; larger ones are skipped */
    uint64_t max_state;       /* bytes of one section's process, file and user lists */
    uint64_t max_pending;     /* bytes of enter events waiting for their exit */
    uint64_t keep_folded;     /* not 0: event blocks that conversion folds away are given too */
} scap_limits;

scap_reader *scap_open(int fd, const scap_tables *tables, const scap_limits *limits);
void scap_close(scap_reader *reader);

enum { SCAP_END, SCAP_BATCH, SCAP_STATE, SCAP_REFUSED, SCAP_FOLDED };

/* Reads on. SCAP_BATCH: a batch is ready for scap_batch. SCAP_STATE: a section's tables are ready
   for scap_state. SCAP_FOLDED: there are folded blocks to take, and nothing else yet.
   SCAP_REFUSED: this is no capture we can read; scap_refusal says why. */
int scap_next(scap_reader *reader);
const char *scap_refusal(const scap_reader *reader);

/* Event types of the batch in the order of the union's children: at most 127 go into codes. */
size_t scap_batch_codes(const scap_reader *reader, uint16_t *codes);
/* Moves the batch into an ArrowArray (Arrow C data interface) at this address. */
void scap_batch(scap_reader *reader, uintptr_t array);
/* Moves a table of the section's state (0 threads, 1 fds, 2 users, 3 groups, 4 machine,
   5 interfaces) into an ArrowArray at this address. */
void scap_state(scap_reader *reader, int table, uintptr_t array);

/* How many folded rows are ready, of the section of the batch that is or would be. */
uint64_t scap_folded_rows(const scap_reader *reader);
/* Moves them into an ArrowArray at this address. */
void scap_folded(scap_reader *reader, uintptr_t array);

typedef struct {
    uint32_t section;         /* of what is ready, from 0 */
    uint64_t events;          /* numbered so far */
    uint64_t offset;          /* in the uncompressed data */
    uint64_t dropped;         /* enter events folded into their exits, or not in use any more */
    uint64_t unknown;         /* events of types that the table does not have */
    uint64_t malformed;       /* parameters whose length does not fit their type */
    uint64_t problems;        /* found; the first of them can be asked for */
    uint16_t major_version;   /* of the section */
    uint16_t minor_version;
    uint8_t compression;      /* 0 none, 1 gzip, 2 zstd */
    uint8_t damaged;          /* reading ended before the end of the file */
} scap_progress;

void scap_where(const scap_reader *reader, scap_progress *progress);

/* The text of a problem, or NULL past the last that was kept. */
const char *scap_problem(const scap_reader *reader, size_t index, uint64_t *offset,
                         uint64_t *events);

/* Writing: the event blocks of a batch (an exported ArrowArray at this address, which stays the
   caller's; 0: none), whose union has these event types. folded: an ArrowArray of folded rows up to
   the batch's last number, to go between, or 0; shapes: a number of parameters for each type, which
   they change, all SCAP_AS_PRESENT at first, or NULL. Gives memory to be freed by
   scap_blocks_free, NULL when there is none. */
uint8_t *scap_blocks(const scap_tables *tables, const uint16_t *codes, uintptr_t array,
                     uintptr_t folded, uint8_t *shapes, size_t *size);
void scap_blocks_free(uint8_t *blocks);

#ifdef __cplusplus
}
#endif

#endif
