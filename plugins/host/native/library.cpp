// Opening a plugin library, asking what it is, init and destroy, logging.
#include "library.hpp"

#include <dlfcn.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>

using falcowb::kMaxText;
using falcowb::kNoEvent;
using falcowb::refuse;

namespace {

constexpr size_t kMaxLogRecords = 4096;
constexpr size_t kMaxLogText = 8192;
constexpr uint32_t kMaxEventTypes = 65536;

struct Symbol {
  const char* name;
  size_t offset;  // in falcowb::Api
};

constexpr Symbol kSymbols[] = {
#define FALCOWB_SYMBOL(result, name, parameters) {#name, offsetof(falcowb::Api, name)},
    FALCO_PLUGIN_SYMBOLS(FALCOWB_SYMBOL)
#undef FALCOWB_SYMBOL
};
constexpr int kSymbolCount = sizeof(kSymbols) / sizeof(kSymbols[0]);

void** slot(falcowb::Api& api, int position) {
  return reinterpret_cast<void**>(reinterpret_cast<char*>(&api) + kSymbols[position].offset);
}

std::string bounded(const char* text, size_t limit) {
  return text ? std::string(text, strnlen(text, limit)) : std::string();
}

// Runs a call into the plugin; a C++ exception that escapes it becomes an error.
template <typename Call>
int guarded(fh_error* error, const char* function, uint64_t event, Call call) {
  try {
    return call();
  } catch (const std::exception& thrown) {
    return refuse(error, function, event, "threw a C++ exception: %s", thrown.what());
  }
}

int give_text(const char* text, fh_text* out, const char* function, fh_error* error) {
  if (falcowb::copy_text(text, out)) return 1;
  return refuse(error, function, kNoEvent, "gave text that does not end within %zu bytes",
                kMaxText);
}

}  // namespace

namespace falcowb {

int refuse(fh_error* error, const char* function, uint64_t event, const char* format, ...) {
  error->event = event;
  snprintf(error->function, sizeof error->function, "%s", function);
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(error->message, sizeof error->message, format, arguments);
  va_end(arguments);
  return 0;
}

bool copy_text(const char* text, fh_text* out) {
  out->data = nullptr;
  out->size = 0;
  if (!text) return true;
  size_t size = strnlen(text, kMaxText);
  if (size == kMaxText) return false;
  out->data = static_cast<char*>(malloc(size + 1));
  if (!out->data) throw std::bad_alloc();
  memcpy(out->data, text, size);
  out->data[size] = 0;
  out->size = size;
  return true;
}

const char* owner_last_error(ss_plugin_owner_t* owner) {
  auto* library = static_cast<fh_library*>(owner);
  return !library || library->owner_error.empty() ? nullptr : library->owner_error.c_str();
}

// Kept in a queue that Python drains after each call: a plugin may log from threads of its own,
// which must neither wait for the interpreter nor outlive it.
void log_callback(ss_plugin_owner_t* owner, const char* component, const char* message,
                  ss_plugin_log_severity severity) {
  auto* library = static_cast<fh_library*>(owner);
  if (!library || !message) return;
  try {
    std::lock_guard<std::mutex> hold(library->log_lock);
    if (library->log.size() >= kMaxLogRecords) {
      ++library->log_lost;
      return;
    }
    library->log.push_back({static_cast<int>(severity), bounded(component, 256),
                            bounded(message, kMaxLogText), component != nullptr});
  } catch (const std::exception&) {
    // Out of memory while logging: the record is lost, the plugin goes on.
  }
}

}  // namespace falcowb

std::string fh_library::last_error() {
  if (!state || !api.get_last_error) return "it returned no state to ask for a reason";
  std::string text = bounded(api.get_last_error(state), 1024);
  return text.empty() ? "it gives no reason" : text;
}

extern "C" {

fh_library* fh_open(const char* path, fh_error* error) {
  void* handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!handle) {
    const char* reason = dlerror();
    refuse(error, "dlopen", kNoEvent, "%s", reason ? reason : "unknown reason");
    return nullptr;
  }
  auto* library = new (std::nothrow) fh_library;
  if (!library) {
    dlclose(handle);
    refuse(error, "dlopen", kNoEvent, "out of memory");
    return nullptr;
  }
  library->handle = handle;
  for (int position = 0; position < kSymbolCount; ++position) {
    std::string name = std::string("plugin_") + kSymbols[position].name;
    *slot(library->api, position) = dlsym(handle, name.c_str());
  }
  return library;
}

void fh_release(fh_library* library, int unload) {
  if (!library) return;
  while (!library->sources.empty()) fh_source_close(library->sources.back());
  if (library->state && library->api.destroy) {
    fh_error ignored;
    guarded(&ignored, "plugin_destroy", kNoEvent, [&] {
      library->api.destroy(library->state);
      return 1;
    });
  }
  // A library that has run may have started threads or an interpreter (Go's, Python's), which do
  // not survive being unmapped; it stays. So does the log, which such a thread may still write to.
  if (unload) {
    dlclose(library->handle);
    delete library;
  } else {
    library->state = nullptr;
    library->ready = false;
  }
}

int fh_symbol_count(void) { return kSymbolCount; }

const char* fh_symbol_name(int position) {
  return position >= 0 && position < kSymbolCount ? kSymbols[position].name : nullptr;
}

int fh_has_symbol(const fh_library* library, int position) {
  return position >= 0 && position < kSymbolCount &&
         *slot(const_cast<fh_library*>(library)->api, position) != nullptr;
}

int fh_ask(fh_library* library, const char* function, fh_text* out, fh_error* error) {
  *out = {nullptr, 0};
  const falcowb::Api& api = library->api;
  const struct {
    const char* name;
    const char* (*call)(void);
  } questions[] = {
      {"get_required_api_version", api.get_required_api_version},
      {"get_name", api.get_name},
      {"get_description", api.get_description},
      {"get_contact", api.get_contact},
      {"get_version", api.get_version},
      {"get_event_source", api.get_event_source},
      {"get_fields", api.get_fields},
      {"get_extract_event_sources", api.get_extract_event_sources},
      {"get_parse_event_sources", api.get_parse_event_sources},
      {"get_async_event_sources", api.get_async_event_sources},
      {"get_async_events", api.get_async_events},
  };
  for (const auto& question : questions) {
    if (strcmp(question.name, function) != 0) continue;
    if (!question.call) return 1;
    return guarded(error, function, kNoEvent,
                   [&] { return give_text(question.call(), out, function, error); });
  }
  return refuse(error, function, kNoEvent, "is no function that answers with text");
}

uint32_t fh_id(fh_library* library) { return library->api.get_id ? library->api.get_id() : 0; }

int fh_init_schema(fh_library* library, int* type, fh_text* out, fh_error* error) {
  *out = {nullptr, 0};
  *type = SS_PLUGIN_SCHEMA_NONE;
  if (!library->api.get_init_schema) return 1;
  return guarded(error, "get_init_schema", kNoEvent, [&] {
    ss_plugin_schema_type given = SS_PLUGIN_SCHEMA_NONE;
    const char* text = library->api.get_init_schema(&given);
    *type = static_cast<int>(given);
    return give_text(text, out, "get_init_schema", error);
  });
}

int fh_init(fh_library* library, const char* config, int with_tables, fh_error* error) {
  return guarded(error, "init", kNoEvent, [&] {
    ss_plugin_init_input in = {};
    in.config = config;
    in.owner = library;
    in.get_owner_last_error = falcowb::owner_last_error;
    in.tables = with_tables ? falcowb::no_tables() : nullptr;
    in.log_fn = falcowb::log_callback;
    ss_plugin_rc rc = SS_PLUGIN_FAILURE;  // for a plugin that forgets to say
    library->state = library->api.init(&in, &rc);
    if (rc != SS_PLUGIN_SUCCESS) {
      // A failed init may still return a state, so that its error can be asked for.
      std::string reason = library->last_error();
      if (library->state) library->api.destroy(library->state);
      library->state = nullptr;
      return refuse(error, "init", kNoEvent, "failed (code %d): %s", static_cast<int>(rc),
                    reason.c_str());
    }
    library->ready = true;
    return 1;
  });
}

int fh_event_types(fh_library* library, int for_parsing, fh_text* out, fh_error* error) {
  *out = {nullptr, 0};
  const char* function = for_parsing ? "get_parse_event_types" : "get_extract_event_types";
  auto* call =
      for_parsing ? library->api.get_parse_event_types : library->api.get_extract_event_types;
  if (!call) return 1;
  return guarded(error, function, kNoEvent, [&] {
    uint32_t count = 0;
    const uint16_t* types = call(&count, library->state);
    if (!types || !count) return 1;
    if (count > kMaxEventTypes)
      return refuse(error, function, kNoEvent, "claims %u event types; there are fewer", count);
    out->size = count * sizeof(uint16_t);
    out->data = static_cast<char*>(malloc(out->size));
    if (!out->data) throw std::bad_alloc();
    memcpy(out->data, types, out->size);
    return 1;
  });
}

int fh_event_schema_version(fh_library* library, fh_text* out, fh_error* error) {
  *out = {nullptr, 0};
  const char* function = "get_required_event_schema_version";
  if (!library->api.get_required_event_schema_version) return 1;
  return guarded(error, function, kNoEvent, [&] {
    return give_text(library->api.get_required_event_schema_version(library->state), out, function,
                     error);
  });
}

int fh_list_open_params(fh_library* library, fh_text* out, fh_error* error) {
  *out = {nullptr, 0};
  if (!library->api.list_open_params) return 1;
  return guarded(error, "list_open_params", kNoEvent, [&] {
    ss_plugin_rc rc = SS_PLUGIN_FAILURE;
    const char* text = library->api.list_open_params(library->state, &rc);
    if (rc != SS_PLUGIN_SUCCESS)
      return refuse(error, "list_open_params", kNoEvent, "failed (code %d): %s",
                    static_cast<int>(rc), library->last_error().c_str());
    return give_text(text, out, "list_open_params", error);
  });
}

int fh_next_log(fh_library* library, int* severity, fh_text* component, fh_text* message,
                uint64_t* lost) {
  *component = *message = {nullptr, 0};
  std::lock_guard<std::mutex> hold(library->log_lock);
  *lost = library->log_lost;
  library->log_lost = 0;
  if (library->log.empty()) return 0;
  const falcowb::LogRecord& record = library->log.front();
  *severity = record.severity;
  if (record.has_component) falcowb::copy_text(record.component.c_str(), component);
  falcowb::copy_text(record.message.c_str(), message);
  library->log.pop_front();
  return 1;
}

void fh_text_free(fh_text* text) {
  free(text->data);
  *text = {nullptr, 0};
}

}  // extern "C"
