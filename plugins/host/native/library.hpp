// An opened plugin library: its table of functions, its state, its log.
#pragma once

#include <atomic>
#include <cstdarg>
#include <deque>
#include <mutex>
#include <string>
#include <vector>

#include "../falco_plugin_api.h"
#include "host.h"

struct fh_source;

namespace falcowb {

// Text from a plugin longer than this is refused: it is garbage or an attack.
constexpr size_t kMaxText = size_t{64} << 20;

struct Api {
#define FALCOWB_MEMBER(result, name, parameters) result(*name) parameters = nullptr;
  FALCO_PLUGIN_SYMBOLS(FALCOWB_MEMBER)
#undef FALCOWB_MEMBER
};

struct LogRecord {
  int severity;
  std::string component;
  std::string message;
  bool has_component;
};

int refuse(fh_error* error, const char* function, uint64_t event, const char* format, ...)
    __attribute__((format(printf, 4, 5)));

constexpr uint64_t kNoEvent = UINT64_MAX;

// Copies `text` into `out`; false when it does not end within kMaxText.
bool copy_text(const char* text, fh_text* out);

}  // namespace falcowb

struct fh_library {
  void* handle = nullptr;
  falcowb::Api api;
  ss_plugin_t* state = nullptr;
  bool ready = false;  // init succeeded
  std::vector<fh_source*> sources;

  std::string owner_error;  // what the host last refused a callback for

  std::mutex log_lock;
  std::deque<falcowb::LogRecord> log;
  uint64_t log_lost = 0;

  // What the plugin says went wrong, or that it says nothing.
  std::string last_error();
};

namespace falcowb {

// Callbacks and empty state tables handed to plugins; `owner` is the fh_library.
const char* owner_last_error(ss_plugin_owner_t* owner);
void log_callback(ss_plugin_owner_t* owner, const char* component, const char* message,
                  ss_plugin_log_severity severity);
const ss_plugin_init_tables_input* no_tables();
ss_plugin_table_reader_vtable no_reader();
ss_plugin_table_reader_vtable_ext* no_reader_ext();

}  // namespace falcowb
