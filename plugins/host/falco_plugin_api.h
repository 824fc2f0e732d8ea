// The Falco plugin API, version 3.12.0, as a C header for hosts and plugins.
//
// Written for falcowb. Struct layouts, enum values and function signatures are facts of the ABI;
// they were read from falcosecurity/libs, userspace/plugin/plugin_types.h and plugin_api.h.
//
// A plugin that wants its own definitions checked against these signatures defines
// FALCO_PLUGIN_EXPORTS before including this header.
#ifndef FALCOWB_FALCO_PLUGIN_API_H
#define FALCOWB_FALCO_PLUGIN_API_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define FALCO_PLUGIN_API_MAJOR 3
#define FALCO_PLUGIN_API_MINOR 12
#define FALCO_PLUGIN_API_PATCH 0

// Event type codes a plugin may make.
#define FALCO_PLUGIN_EVENT_TYPE 322
#define FALCO_ASYNC_EVENT_TYPE 402

// Where the payload of a plugin event begins: header (26 bytes), two lengths of 4 bytes each, and
// the plugin id (4 bytes).
#define FALCO_PLUGIN_PAYLOAD_OFFSET 38

// Size of the buffer that an asynchronous event handler may write an error to.
#define FALCO_PLUGIN_MAX_ERROR 1024

// ---- values ----------------------------------------------------------------------------------

typedef uint32_t ss_plugin_bool;  // four bytes; zero is false

typedef enum ss_plugin_field_type {
  FTYPE_UINT64 = 8,
  FTYPE_STRING = 9,    // ends with NUL
  FTYPE_RELTIME = 20,  // nanoseconds
  FTYPE_ABSTIME = 21,  // nanoseconds since the epoch
  FTYPE_BOOL = 25,
  FTYPE_IPADDR = 40,  // 4 or 16 bytes
  FTYPE_IPNET = 41,   // 4 or 16 bytes
} ss_plugin_field_type;

typedef enum ss_plugin_rc {
  SS_PLUGIN_TIMEOUT = -1,  // next_batch: nothing more for now, ask again
  SS_PLUGIN_SUCCESS = 0,
  SS_PLUGIN_FAILURE = 1,
  SS_PLUGIN_EOF = 2,  // next_batch: the source has ended
  SS_PLUGIN_NOT_SUPPORTED = 3,
} ss_plugin_rc;

typedef enum ss_plugin_schema_type {
  SS_PLUGIN_SCHEMA_NONE = 0,  // the init configuration is opaque text
  SS_PLUGIN_SCHEMA_JSON = 1,  // the init configuration is JSON, described by a JSON Schema
} ss_plugin_schema_type;

typedef enum ss_plugin_log_severity {
  SS_PLUGIN_LOG_SEV_FATAL = 1,
  SS_PLUGIN_LOG_SEV_CRITICAL = 2,
  SS_PLUGIN_LOG_SEV_ERROR = 3,
  SS_PLUGIN_LOG_SEV_WARNING = 4,
  SS_PLUGIN_LOG_SEV_NOTICE = 5,
  SS_PLUGIN_LOG_SEV_INFO = 6,
  SS_PLUGIN_LOG_SEV_DEBUG = 7,
  SS_PLUGIN_LOG_SEV_TRACE = 8,
} ss_plugin_log_severity;

// Opaque to one side or the other.
typedef void ss_plugin_t;        // a plugin's state: made by init, ended by destroy
typedef void ss_instance_t;      // an open source: made by open, ended by close
typedef void ss_plugin_owner_t;  // the host, handed back in callbacks
typedef void ss_plugin_table_t;
typedef void ss_plugin_table_entry_t;
typedef void ss_plugin_table_field_t;
typedef void ss_plugin_table_iterator_state_t;
typedef void ss_plugin_routine_t;
typedef void ss_plugin_routine_state_t;

// ---- events ----------------------------------------------------------------------------------

// Header of an event, 26 bytes without padding. After it come `nparams` lengths (4 bytes each for
// plugin and asynchronous events, 2 bytes for most others), then the parameters' bytes.
// `len` counts all of it. `ts` and `tid` may be UINT64_MAX: "now" and "no thread".
#pragma pack(push, 1)
typedef struct ss_plugin_event {
  uint64_t ts;
  uint64_t tid;
  uint32_t len;
  uint16_t type;
  uint32_t nparams;
} ss_plugin_event;
#pragma pack(pop)

typedef struct ss_plugin_event_input {
  const ss_plugin_event* evt;
  uint64_t evtnum;
  const char* evtsrc;  // name of the event's source
} ss_plugin_event_input;

// ---- field extraction --------------------------------------------------------------------------

typedef struct ss_plugin_byte_buffer {
  uint32_t len;
  const void* ptr;
} ss_plugin_byte_buffer;

// Where in the event each value of a field lies; the plugin leaves both null when it cannot tell.
typedef struct ss_plugin_extract_value_offsets {
  uint32_t* start;
  uint32_t* length;
} ss_plugin_extract_value_offsets;

// One field asked of one event. The plugin fills `res` and `res_len`; the values are its own and
// live until the next extraction. `res_len` 0 is "no value".
typedef struct ss_plugin_extract_field {
  union {
    const char** str;
    uint64_t* u64;
    uint32_t* u32;
    ss_plugin_bool* boolean;
    ss_plugin_byte_buffer* buf;
  } res;
  uint64_t res_len;

  uint32_t field_id;  // position in the list that get_fields gives
  const char* field;
  const char* arg_key;  // null unless the field takes a key and one is given
  uint64_t arg_index;
  ss_plugin_bool arg_present;
  uint32_t ftype;
  ss_plugin_bool flist;
} ss_plugin_extract_field;

// ---- state tables ------------------------------------------------------------------------------

typedef enum ss_plugin_state_type {
  SS_PLUGIN_ST_INT8 = 1,
  SS_PLUGIN_ST_INT16 = 2,
  SS_PLUGIN_ST_INT32 = 3,
  SS_PLUGIN_ST_INT64 = 4,
  SS_PLUGIN_ST_UINT8 = 5,
  SS_PLUGIN_ST_UINT16 = 6,
  SS_PLUGIN_ST_UINT32 = 7,
  SS_PLUGIN_ST_UINT64 = 8,
  SS_PLUGIN_ST_STRING = 9,
  SS_PLUGIN_ST_TABLE = 10,
  SS_PLUGIN_ST_BOOL = 25,
} ss_plugin_state_type;

typedef union ss_plugin_state_data {
  int8_t s8;
  int16_t s16;
  int32_t s32;
  int64_t s64;
  uint8_t u8;
  uint16_t u16;
  uint32_t u32;
  uint64_t u64;
  const char* str;
  ss_plugin_bool b;
  ss_plugin_table_t* table;
} ss_plugin_state_data;

typedef struct ss_plugin_table_info {
  const char* name;
  ss_plugin_state_type key_type;
} ss_plugin_table_info;

typedef struct ss_plugin_table_fieldinfo {
  const char* name;
  ss_plugin_state_type field_type;
  ss_plugin_bool read_only;
} ss_plugin_table_fieldinfo;

typedef struct ss_plugin_table_fields_vtable {
  const ss_plugin_table_fieldinfo* (*list_table_fields)(ss_plugin_table_t* t, uint32_t* nfields);
  ss_plugin_table_field_t* (*get_table_field)(ss_plugin_table_t* t, const char* name,
                                              ss_plugin_state_type data_type);
  ss_plugin_table_field_t* (*add_table_field)(ss_plugin_table_t* t, const char* name,
                                              ss_plugin_state_type data_type);
} ss_plugin_table_fields_vtable;

// The extended form has the same members today.
typedef ss_plugin_table_fields_vtable ss_plugin_table_fields_vtable_ext;

typedef struct ss_plugin_table_reader_vtable {
  const char* (*get_table_name)(ss_plugin_table_t* t);
  uint64_t (*get_table_size)(ss_plugin_table_t* t);
  ss_plugin_table_entry_t* (*get_table_entry)(ss_plugin_table_t* t,
                                              const ss_plugin_state_data* key);
  ss_plugin_rc (*read_entry_field)(ss_plugin_table_t* t, ss_plugin_table_entry_t* e,
                                   const ss_plugin_table_field_t* f, ss_plugin_state_data* out);
} ss_plugin_table_reader_vtable;

typedef ss_plugin_bool (*ss_plugin_table_iterator_func_t)(ss_plugin_table_iterator_state_t* s,
                                                          ss_plugin_table_entry_t* e);

typedef struct ss_plugin_table_reader_vtable_ext {
  const char* (*get_table_name)(ss_plugin_table_t* t);
  uint64_t (*get_table_size)(ss_plugin_table_t* t);
  ss_plugin_table_entry_t* (*get_table_entry)(ss_plugin_table_t* t,
                                              const ss_plugin_state_data* key);
  ss_plugin_rc (*read_entry_field)(ss_plugin_table_t* t, ss_plugin_table_entry_t* e,
                                   const ss_plugin_table_field_t* f, ss_plugin_state_data* out);
  void (*release_table_entry)(ss_plugin_table_t* t, ss_plugin_table_entry_t* e);
  ss_plugin_bool (*iterate_entries)(ss_plugin_table_t* t, ss_plugin_table_iterator_func_t it,
                                    ss_plugin_table_iterator_state_t* s);
} ss_plugin_table_reader_vtable_ext;

typedef struct ss_plugin_table_writer_vtable {
  ss_plugin_rc (*clear_table)(ss_plugin_table_t* t);
  ss_plugin_rc (*erase_table_entry)(ss_plugin_table_t* t, const ss_plugin_state_data* key);
  ss_plugin_table_entry_t* (*create_table_entry)(ss_plugin_table_t* t);
  void (*destroy_table_entry)(ss_plugin_table_t* t, ss_plugin_table_entry_t* e);
  ss_plugin_table_entry_t* (*add_table_entry)(ss_plugin_table_t* t,
                                              const ss_plugin_state_data* key,
                                              ss_plugin_table_entry_t* entry);
  ss_plugin_rc (*write_entry_field)(ss_plugin_table_t* t, ss_plugin_table_entry_t* e,
                                    const ss_plugin_table_field_t* f,
                                    const ss_plugin_state_data* in);
} ss_plugin_table_writer_vtable;

typedef ss_plugin_table_writer_vtable ss_plugin_table_writer_vtable_ext;

typedef struct ss_plugin_table_input {
  const char* name;
  ss_plugin_state_type key_type;
  ss_plugin_table_t* table;
  ss_plugin_table_reader_vtable reader;
  ss_plugin_table_writer_vtable writer;
  ss_plugin_table_fields_vtable fields;
  ss_plugin_table_reader_vtable_ext* reader_ext;
  ss_plugin_table_writer_vtable_ext* writer_ext;
  ss_plugin_table_fields_vtable_ext* fields_ext;
} ss_plugin_table_input;

typedef struct ss_plugin_init_tables_input {
  ss_plugin_table_info* (*list_tables)(ss_plugin_owner_t* o, uint32_t* ntables);
  ss_plugin_table_t* (*get_table)(ss_plugin_owner_t* o, const char* name,
                                  ss_plugin_state_type key_type);
  ss_plugin_rc (*add_table)(ss_plugin_owner_t* o, const ss_plugin_table_input* in);
  ss_plugin_table_fields_vtable fields;
  ss_plugin_table_fields_vtable_ext* fields_ext;
  ss_plugin_table_reader_vtable_ext* reader_ext;
  ss_plugin_table_writer_vtable_ext* writer_ext;
} ss_plugin_init_tables_input;

// ---- inputs of calls ---------------------------------------------------------------------------

typedef void (*ss_plugin_log_fn_t)(ss_plugin_owner_t* o, const char* component, const char* msg,
                                   ss_plugin_log_severity sev);

typedef struct ss_plugin_init_input {
  const char* config;
  ss_plugin_owner_t* owner;
  const char* (*get_owner_last_error)(ss_plugin_owner_t* o);
  const ss_plugin_init_tables_input* tables;  // null unless the plugin parses or extracts
  ss_plugin_log_fn_t log_fn;
} ss_plugin_init_input;

typedef struct ss_plugin_field_extract_input {
  ss_plugin_owner_t* owner;
  const char* (*get_owner_last_error)(ss_plugin_owner_t* o);
  uint32_t num_fields;
  ss_plugin_extract_field* fields;
  ss_plugin_table_reader_vtable table_reader;
  ss_plugin_table_reader_vtable_ext* table_reader_ext;
  ss_plugin_extract_value_offsets* value_offsets;  // one for each field, or null
} ss_plugin_field_extract_input;

typedef struct ss_plugin_event_parse_input {
  ss_plugin_owner_t* owner;
  const char* (*get_owner_last_error)(ss_plugin_owner_t* o);
  ss_plugin_table_reader_vtable table_reader;
  ss_plugin_table_writer_vtable table_writer;
  ss_plugin_table_reader_vtable_ext* table_reader_ext;
  ss_plugin_table_writer_vtable_ext* table_writer_ext;
} ss_plugin_event_parse_input;

typedef struct ss_plugin_set_config_input {
  const char* config;
} ss_plugin_set_config_input;

typedef ss_plugin_bool (*ss_plugin_routine_fn_t)(ss_plugin_t* s, ss_plugin_routine_state_t* i);

typedef struct ss_plugin_routine_vtable {
  ss_plugin_routine_t* (*subscribe)(ss_plugin_owner_t* o, ss_plugin_routine_fn_t f,
                                    ss_plugin_routine_state_t* i);
  ss_plugin_rc (*unsubscribe)(ss_plugin_owner_t* o, ss_plugin_routine_t* r);
} ss_plugin_routine_vtable;

typedef struct ss_plugin_capture_listen_input {
  ss_plugin_owner_t* owner;
  ss_plugin_routine_vtable* routine;
  ss_plugin_table_reader_vtable_ext* table_reader_ext;
  ss_plugin_table_writer_vtable_ext* table_writer_ext;
  const char* (*get_owner_last_error)(ss_plugin_owner_t* o);
} ss_plugin_capture_listen_input;

typedef ss_plugin_rc (*ss_plugin_async_event_handler_t)(ss_plugin_owner_t* o,
                                                        const ss_plugin_event* evt, char* err);

// ---- metrics -----------------------------------------------------------------------------------

typedef enum ss_plugin_metric_value_type {
  SS_PLUGIN_METRIC_VALUE_TYPE_U32 = 0,
  SS_PLUGIN_METRIC_VALUE_TYPE_S32 = 1,
  SS_PLUGIN_METRIC_VALUE_TYPE_U64 = 2,
  SS_PLUGIN_METRIC_VALUE_TYPE_S64 = 3,
  SS_PLUGIN_METRIC_VALUE_TYPE_D = 4,
  SS_PLUGIN_METRIC_VALUE_TYPE_F = 5,
  SS_PLUGIN_METRIC_VALUE_TYPE_I = 6,
} ss_plugin_metric_value_type;

typedef union ss_plugin_metric_value {
  uint32_t u32;
  int32_t s32;
  uint64_t u64;
  int64_t s64;
  double d;
  float f;
  int i;
} ss_plugin_metric_value;

typedef enum ss_plugin_metric_type {
  SS_PLUGIN_METRIC_TYPE_MONOTONIC = 0,
  SS_PLUGIN_METRIC_TYPE_NON_MONOTONIC = 1,
} ss_plugin_metric_type;

typedef struct ss_plugin_metric {
  const char* name;
  ss_plugin_metric_type type;
  ss_plugin_metric_value value;
  ss_plugin_metric_value_type value_type;
} ss_plugin_metric;

// ---- what a plugin exports, each as plugin_NAME --------------------------------------------------
//
// FALCO_PLUGIN_SYMBOLS(X) calls X(result, name, parameters) for each symbol, in the order of the
// upstream table of functions. Hosts make their table from it, plugins check their definitions.

#define FALCO_PLUGIN_SYMBOLS(X)                                                                   \
  X(const char*, get_required_api_version, (void))                                                \
  X(const char*, get_init_schema, (ss_plugin_schema_type * schema_type))                          \
  X(ss_plugin_t*, init, (const ss_plugin_init_input* in, ss_plugin_rc* rc))                       \
  X(void, destroy, (ss_plugin_t * s))                                                             \
  X(const char*, get_last_error, (ss_plugin_t * s))                                               \
  X(const char*, get_name, (void))                                                                \
  X(const char*, get_description, (void))                                                         \
  X(const char*, get_contact, (void))                                                             \
  X(const char*, get_version, (void))                                                             \
  X(uint32_t, get_id, (void))                                                                     \
  X(const char*, get_event_source, (void))                                                        \
  X(ss_instance_t*, open, (ss_plugin_t * s, const char* params, ss_plugin_rc* rc))                \
  X(void, close, (ss_plugin_t * s, ss_instance_t * h))                                            \
  X(const char*, list_open_params, (ss_plugin_t * s, ss_plugin_rc * rc))                          \
  X(const char*, get_progress, (ss_plugin_t * s, ss_instance_t * h, uint32_t * progress))         \
  X(const char*, event_to_string, (ss_plugin_t * s, const ss_plugin_event_input* evt))            \
  X(ss_plugin_rc, next_batch,                                                                     \
    (ss_plugin_t * s, ss_instance_t * h, uint32_t * nevts, ss_plugin_event * **evts))             \
  X(uint16_t*, get_extract_event_types, (uint32_t * numtypes, ss_plugin_t * s))                   \
  X(const char*, get_extract_event_sources, (void))                                               \
  X(const char*, get_fields, (void))                                                              \
  X(ss_plugin_rc, extract_fields,                                                                 \
    (ss_plugin_t * s, const ss_plugin_event_input* evt, const ss_plugin_field_extract_input* in)) \
  X(uint16_t*, get_parse_event_types, (uint32_t * numtypes, ss_plugin_t * s))                     \
  X(const char*, get_parse_event_sources, (void))                                                 \
  X(ss_plugin_rc, parse_event,                                                                    \
    (ss_plugin_t * s, const ss_plugin_event_input* evt, const ss_plugin_event_parse_input* in))   \
  X(const char*, get_async_event_sources, (void))                                                 \
  X(const char*, get_async_events, (void))                                                        \
  X(ss_plugin_rc, set_async_event_handler,                                                        \
    (ss_plugin_t * s, ss_plugin_owner_t * owner, const ss_plugin_async_event_handler_t handler))  \
  X(ss_plugin_rc, dump_state,                                                                     \
    (ss_plugin_t * s, ss_plugin_owner_t * owner, const ss_plugin_async_event_handler_t handler))  \
  X(ss_plugin_rc, set_config, (ss_plugin_t * s, const ss_plugin_set_config_input* i))             \
  X(ss_plugin_metric*, get_metrics, (ss_plugin_t * s, uint32_t * num_metrics))                    \
  X(ss_plugin_rc, capture_open, (ss_plugin_t * s, const ss_plugin_capture_listen_input* i))       \
  X(ss_plugin_rc, capture_close, (ss_plugin_t * s, const ss_plugin_capture_listen_input* i))      \
  X(const char*, get_required_event_schema_version, (ss_plugin_t * s))

#ifdef FALCO_PLUGIN_EXPORTS
#define FALCO_PLUGIN_DECLARE(result, name, parameters) \
  __attribute__((visibility("default"))) result plugin_##name parameters;
FALCO_PLUGIN_SYMBOLS(FALCO_PLUGIN_DECLARE)
#undef FALCO_PLUGIN_DECLARE
#endif

#ifdef __cplusplus
}
#endif

#endif
