/* What Python sees of the native side of the live probe: see capture/syscalls/drain.py. */
#ifndef FALCOWB_PROBE_H
#define FALCOWB_PROBE_H

#include <stddef.h>
#include <stdint.h>

#include "record.h"

#ifdef __cplusplus
extern "C" {
#endif

/* How a parameter is made: see capture/syscalls/calls.py, which writes these from calls.tsv. */

enum { SOURCE_NONE, SOURCE_RESULT, SOURCE_ARGUMENT, SOURCE_PIECE, SOURCE_FIELD, SOURCE_CONSTANT };
enum { WHEN_ALWAYS, WHEN_SUCCEEDED, WHEN_ZERO, WHEN_ABOVE_ZERO };

typedef struct {
    uint8_t kind;
    uint8_t index;      /* of the argument or piece */
    uint8_t width;      /* bytes taken, of an argument or a field of a piece */
    uint8_t is_signed;
    uint32_t offset;    /* of the field */
    int64_t constant;
} probe_source;

typedef struct {
    int32_t function;   /* probe_function, or -1: the first source as it is */
    uint8_t when;
    uint8_t has_other;
    int64_t other;      /* the value where "when" is not so or the piece is missing */
    probe_source sources[2];
} probe_parameter;

typedef struct {
    uint16_t call;
    uint16_t type;      /* of the event */
    uint8_t arguments;  /* that the record keeps: 0, 1, 3 or 6 */
    uint8_t pieces;
    uint8_t parameters;
    uint32_t first;     /* index of its first parameter */
} probe_recipe;

/* Number of a conversion by name, -1 when there is none. */
int32_t probe_function(const char *name);

typedef struct probe_assembler probe_assembler;

/* "tables" is the address of a scap_tables, which must outlive the assembler. */
probe_assembler *probe_assembler_new(uintptr_t tables, const probe_recipe *recipes, size_t n_recipes,
                                     const probe_parameter *parameters, size_t n_parameters,
                                     int64_t clock_offset);
void probe_assembler_free(probe_assembler *assembler);

/* How much of a process is known: what the probe saw; also what it has of the one that made it; all of
   its numbers. */
enum { KNOWN_SEEN, KNOWN_RECALLED, KNOWN_READ };

/* What is asked of a process where the probe sees nothing of the kernel's structures. Sizes say how much
   of each piece there is, 0 for none; "task" comes as the probe wrote it. */
struct probe_details {
    uint16_t call;
    int64_t result;
    const uint8_t *given;  /* the arguments that the program was given, as far as known */
    uint32_t given_size;
    uint8_t known;
    struct probe_task task;
    uint16_t exe_size;
    uint16_t args_size;
    uint16_t cgroups_size;
    uint16_t path_size;
    struct probe_exe exe;
    uint32_t groups[64];
    uint8_t args[4096];
    uint8_t cgroups[8192];
    uint8_t path[1088];
};
typedef void (*probe_asker)(void *handle, struct probe_details *details);
/* From now on "ask" is called, with the handle, for each record of a process that begins or becomes
   another. */
void probe_ask(probe_assembler *assembler, probe_asker ask, void *handle);

/* Appends one record; 0 when it is malformed. */
int probe_append(probe_assembler *assembler, const uint8_t *record, size_t size);
/* Rows and bytes in the batch. */
uint64_t probe_rows(const probe_assembler *assembler);
/* Event types of the batch in the order of the union's children: at most 127 go into codes. */
size_t probe_batch_codes(const probe_assembler *assembler, uint16_t *codes);
/* Moves the batch into an ArrowArray (Arrow C data interface) at this address. */
void probe_batch(probe_assembler *assembler, uintptr_t array);

typedef struct {
    uint64_t events;    /* numbered so far */
    uint64_t bytes;     /* of their parameters */
    uint64_t malformed; /* records that could not be read */
    uint64_t wakeups;   /* times the ring buffers were looked into */
} probe_counts;

void probe_count(const probe_assembler *assembler, probe_counts *counts);
/* Malformed records of a call since the last question. */
uint64_t probe_malformed(probe_assembler *assembler, uint16_t call);

/* The ring buffers. */

typedef struct probe_drain probe_drain;

/* Maps the ring buffers of these file descriptors, each with so many bytes of data. NULL with errno
   set where that fails. While little comes they are looked into every so many ns. */
probe_drain *probe_drain_new(const int *fds, size_t n, size_t bytes, long calm_ns);
void probe_drain_free(probe_drain *drain);
/* Moves records into the assembler until its batch has so many rows or bytes, or so many ns went by;
   with "all" also the newest, without waiting. Gives the rows of the batch. */
uint64_t probe_fill(probe_drain *drain, probe_assembler *assembler, uint64_t max_rows,
                    uint64_t max_bytes, uint64_t max_ns, int all);

#ifdef __cplusplus
}
#endif

#endif
