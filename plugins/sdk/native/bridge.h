// What the native runtime and the Python side of a plugin call of each other. cffi reads this file
// as it stands, so it holds declarations only.

// Handles are opaque: fwb_batch is a set of events, fwb_splitter a stream cut into JSON values,
// fwb_plugin the state that plugin_init made.
typedef struct fwb_native {
  void *(*batch_new)(void);
  void (*batch_free)(void *batch);
  uint64_t (*batch_count)(void *batch);
  uint64_t (*batch_bytes)(void *batch);
  void (*batch_add)(void *batch, uint64_t time, const char *payload, uint64_t size);

  void *(*splitter_new)(uint64_t most_event_bytes, uint64_t most_document_bytes);
  void (*splitter_free)(void *splitter);
  // Takes bytes; events go to `batch`. Returns how many problems the input has had so far.
  uint64_t (*splitter_feed)(void *splitter, const char *data, uint64_t size, int last,
                            void *batch);
  uint64_t (*splitter_held)(void *splitter);
  // The next problem in words (valid until the next call), or null; `line` counts from 1.
  const char *(*splitter_problem)(void *splitter, uint64_t *line);

  // severity as in the plugin API: 3 error, 4 warning, 6 info.
  void (*log)(void *plugin, int severity, const char *message);
} fwb_native;

// Implemented in Python. Those that can fail write why into `error` (UTF-8, ends with NUL).

// 1 when the plugin's class is ready. (A call that could not begin gives 0.)
int fwb_python_start(const fwb_native *native, const char *module, const char *class_name,
                     char *error, uint64_t error_size);
// A source's number, above 0, or 0 when it cannot be opened.
int64_t fwb_python_open(void *plugin, const char *config, const char *params, char *error,
                        uint64_t error_size);
// A return code of the plugin API. On success `*batch` is the caller's to free. `progress` is
// 0 to 1, below 0 if unknown.
int fwb_python_next(int64_t source, void **batch, double *progress, char *progress_text,
                    uint64_t progress_size, char *error, uint64_t error_size);
void fwb_python_close(int64_t source);
// The plugin's state has been destroyed.
void fwb_python_forget(void *plugin);
