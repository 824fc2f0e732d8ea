// What the Python side of the host calls. cffi reads this file too, so below the guard it keeps to
// plain C declarations without preprocessor lines other than the ones it strips.
#ifndef FALCOWB_HOST_H
#define FALCOWB_HOST_H
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif

// The Arrow C data interface (its layout is fixed by the Arrow project).
struct ArrowSchema {
  const char* format;
  const char* name;
  const char* metadata;
  int64_t flags;
  int64_t n_children;
  struct ArrowSchema** children;
  struct ArrowSchema* dictionary;
  void (*release)(struct ArrowSchema*);
  void* private_data;
};
struct ArrowArray {
  int64_t length;
  int64_t null_count;
  int64_t offset;
  int64_t n_buffers;
  int64_t n_children;
  const void** buffers;
  struct ArrowArray** children;
  struct ArrowArray* dictionary;
  void (*release)(struct ArrowArray*);
  void* private_data;
};

typedef struct fh_library fh_library;  // an opened library and its plugin's state
typedef struct fh_source fh_source;    // an open source
typedef struct fh_request fh_request;  // fields to extract, prepared

// Why a call was refused. `function` is the API function at fault, `event` the number of the event
// it was called for (UINT64_MAX: none).
typedef struct {
  uint64_t event;
  char function[64];
  char message[2048];
} fh_error;

// A copy of text that a plugin gave; `data` is null where it gave none. Free with fh_text_free.
typedef struct {
  char* data;
  uint64_t size;
} fh_text;

// One field of a request. `type` is an ss_plugin_field_type.
typedef struct {
  uint32_t id;
  uint32_t type;
  int32_t is_list;
  const char* name;
  const char* key;
  uint64_t index;
  int32_t has_argument;
} fh_field;

// Events of a batch: num and time by row, payload bytes between offsets[row] and offsets[row + 1].
typedef struct {
  int64_t rows;
  const uint64_t* num;
  const int64_t* time;
  const uint32_t* plugin_id;
  const int32_t* offsets;
  const uint8_t* data;
  int64_t data_size;
} fh_events;

// Events for which the plugin answered "failure"; the fields that failed have no value.
typedef struct {
  uint64_t events;
  uint64_t fields;
  uint64_t first_event;
  char message[1024];
} fh_failures;

// Functions that return int return 1 for success and 0 with *error filled, unless said otherwise.

// dlopen with local symbols; null with error->message the loader's text.
fh_library* fh_open(const char* path, fh_error* error);
// Closes open sources, destroys the plugin's state; `unload` also unmaps the library.
void fh_release(fh_library* library, int unload);

// The symbols of the API by position: their count, names without "plugin_", and which are there.
int fh_symbol_count(void);
const char* fh_symbol_name(int position);
int fh_has_symbol(const fh_library* library, int position);

// Calls a function that takes nothing and returns text, by its name. An absent function gives none.
int fh_ask(fh_library* library, const char* function, fh_text* out, fh_error* error);
uint32_t fh_id(fh_library* library);
int fh_init_schema(fh_library* library, int* type, fh_text* out, fh_error* error);
int fh_init(fh_library* library, const char* config, int with_tables, fh_error* error);
int fh_event_types(fh_library* library, int for_parsing, fh_text* out, fh_error* error);
int fh_event_schema_version(fh_library* library, fh_text* out, fh_error* error);
int fh_list_open_params(fh_library* library, fh_text* out, fh_error* error);
// One record of the plugin's log; 0 when there is none. `lost` counts records that did not fit.
int fh_next_log(fh_library* library, int* severity, fh_text* component, fh_text* message,
                uint64_t* lost);
void fh_text_free(fh_text* text);

// `name` and `id` are the plugin's own.
fh_source* fh_source_open(fh_library* library, const char* params, fh_error* error);
// Gathers events until max_events, max_bytes of payload, or budget_ns have passed, numbered from
// first_num. Always makes an array unless 3 is returned with array->release null.
// 0: more may follow; 1: nothing more for now; 2: the source has ended; 3: failed, *error filled,
// and the array holds the events before the failure.
int fh_source_next(fh_source* source, uint64_t first_num, int64_t max_events, int64_t max_bytes,
                   int64_t budget_ns, struct ArrowArray* array, struct ArrowSchema* schema,
                   fh_error* error);
// Progress in hundredths of a percent, -1 where the plugin does not say.
int64_t fh_source_progress(fh_source* source, fh_text* out, fh_error* error);
void fh_source_close(fh_source* source);
int fh_event_to_string(fh_library* library, const fh_events* events, int64_t row,
                       const char* source, fh_text* out, fh_error* error);

// The fields are copied.
fh_request* fh_request_new(fh_library* library, int64_t count, const fh_field* fields,
                           const char* source);
void fh_request_free(fh_request* request);
// One column a field, as a struct array. Strings, addresses and networks are dictionary coded
// (int32 into binary; a row without a value has code -1 and is not valid).
int fh_extract(fh_request* request, const fh_events* events, struct ArrowArray* array,
               struct ArrowSchema* schema, fh_failures* failures, fh_error* error);

#ifdef __cplusplus
}
#endif
#endif
