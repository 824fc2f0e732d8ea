// The functions that a host of the plugin API calls.
#define FALCO_PLUGIN_EXPORTS
#include "plugins/host/falco_plugin_api.h"

#include <cmath>
#include <cstdio>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "config.hpp"
#include "extract.hpp"
#include "python.hpp"
#include "splitter.hpp"

namespace fwb {

namespace {

struct Plugin {
  Extractor extractor;
  std::string config = "{}";
  std::string error;
  std::string text;
  ss_plugin_owner_t* owner = nullptr;
  ss_plugin_log_fn_t log = nullptr;
};

struct Instance {
  int64_t source = 0;
  std::unique_ptr<Batch> batch;
  std::mutex progress_lock;  // hosts may ask for it from another thread
  double progress = 0;
  std::string progress_text;
  std::string shown_progress;
};

thread_local std::string stateless_error;

ss_plugin_rc fail(ss_plugin_t* s, std::string problem) {
  if (s) static_cast<Plugin*>(s)->error = problem;
  stateless_error = std::move(problem);
  return SS_PLUGIN_FAILURE;
}

// No exception may leave through the C interface; the only likely one is a lack of memory.
template <class F, class R>
R guarded(ss_plugin_t* s, R otherwise, F body) {
  try {
    return body();
  } catch (const std::exception& e) {
    fail(s, e.what());
    return otherwise;
  }
}

void log_message(void* plugin, int severity, const char* message) {
  auto* p = static_cast<Plugin*>(plugin);
  if (p && p->log) {
    p->log(p->owner, nullptr, message, static_cast<ss_plugin_log_severity>(severity));
  } else {
    fprintf(stderr, "[%s] %s\n", kPlugin.name, message);
  }
}

Batch* batch(void* handle) { return static_cast<Batch*>(handle); }
Splitter* splitter(void* handle) { return static_cast<Splitter*>(handle); }

const char* next_problem(void* handle, uint64_t* line) {
  static thread_local Problem problem;
  if (!splitter(handle)->sink().take_problem(&problem)) return nullptr;
  *line = problem.line;
  return problem.text.c_str();
}

const fwb_native kNative = {
    []() -> void* { return new (std::nothrow) Batch; },
    [](void* b) { delete batch(b); },
    [](void* b) -> uint64_t { return batch(b)->count(); },
    [](void* b) -> uint64_t { return batch(b)->bytes(); },
    [](void* b, uint64_t time, const char* payload, uint64_t size) {
      batch(b)->add(time, {payload, size});
    },
    [](uint64_t event, uint64_t document) -> void* {
      return new (std::nothrow) Splitter(event, document);
    },
    [](void* s) { delete splitter(s); },
    [](void* s, const char* data, uint64_t size, int last, void* b) -> uint64_t {
      splitter(s)->feed({data, size}, last != 0, batch(b));
      return splitter(s)->sink().problem_count();
    },
    [](void* s) -> uint64_t { return splitter(s)->held(); },
    next_problem,
    log_message,
};

}  // namespace

}  // namespace fwb

using namespace fwb;

extern "C" {

const char* plugin_get_required_api_version(void) { return kPlugin.required_api_version; }
const char* plugin_get_name(void) { return kPlugin.name; }
const char* plugin_get_description(void) { return kPlugin.description; }
const char* plugin_get_contact(void) { return kPlugin.contact; }
const char* plugin_get_version(void) { return kPlugin.version; }
uint32_t plugin_get_id(void) { return kPlugin.id; }
const char* plugin_get_event_source(void) { return kPlugin.event_source; }
const char* plugin_get_extract_event_sources(void) { return kPlugin.extract_sources; }
const char* plugin_get_fields(void) { return kPlugin.fields_json; }
// Nothing here looks into system calls, so the host's newest schema of them will do.
const char* plugin_get_required_event_schema_version(ss_plugin_t*) { return "4.0.0"; }

const char* plugin_get_init_schema(ss_plugin_schema_type* type) {
  *type = SS_PLUGIN_SCHEMA_JSON;
  return kPlugin.init_schema;
}

const char* plugin_list_open_params(ss_plugin_t*, ss_plugin_rc* rc) {
  *rc = SS_PLUGIN_SUCCESS;
  return kPlugin.open_params;
}

ss_plugin_t* plugin_init(const ss_plugin_init_input* in, ss_plugin_rc* rc) {
  *rc = SS_PLUGIN_FAILURE;
  return guarded(nullptr, static_cast<ss_plugin_t*>(nullptr), [&]() -> ss_plugin_t* {
    // A state comes back from a failed init too: the host asks it for the error.
    auto* plugin = new Plugin;
    plugin->owner = in->owner;
    plugin->log = in->log_fn;
    std::string problem;
    if (in->config && *in->config) plugin->config = in->config;
    if (check_config(plugin->config, &problem)) {
      *rc = SS_PLUGIN_SUCCESS;
    } else {
      fail(plugin, problem);
    }
    return plugin;
  });
}

void plugin_destroy(ss_plugin_t* s) {
  if (const Python* python = running_python()) python->forget(s);
  delete static_cast<Plugin*>(s);
}

const char* plugin_get_last_error(ss_plugin_t* s) {
  return s ? static_cast<Plugin*>(s)->error.c_str() : stateless_error.c_str();
}

ss_plugin_rc plugin_extract_fields(ss_plugin_t* s, const ss_plugin_event_input* evt,
                                   const ss_plugin_field_extract_input* in) {
  return guarded(s, SS_PLUGIN_FAILURE, [&] {
    std::string problem;
    ss_plugin_rc rc = static_cast<Plugin*>(s)->extractor.extract(evt, in, &problem);
    return rc == SS_PLUGIN_SUCCESS ? rc : fail(s, std::move(problem));
  });
}

const char* plugin_event_to_string(ss_plugin_t* s, const ss_plugin_event_input* evt) {
  return guarded(s, static_cast<const char*>(nullptr), [&]() -> const char* {
    std::string_view payload;
    if (!payload_of(evt->evt, &payload)) {
      fail(s, "not an event of a plugin");
      return nullptr;
    }
    auto* plugin = static_cast<Plugin*>(s);
    plugin->text.assign(payload.data(), payload.size());
    return plugin->text.c_str();
  });
}

ss_instance_t* plugin_open(ss_plugin_t* s, const char* params, ss_plugin_rc* rc) {
  *rc = SS_PLUGIN_FAILURE;
  return guarded(s, static_cast<ss_instance_t*>(nullptr), [&]() -> ss_instance_t* {
    std::string problem;
    const Python* python = start_python(&kNative, &problem);
    if (!python) {
      fail(s, problem);
      return nullptr;
    }
    auto instance = std::make_unique<Instance>();
    char error[4096] = "the Python code failed";
    const char* config = static_cast<Plugin*>(s)->config.c_str();
    instance->source = python->open(s, config, params ? params : "", error, sizeof(error));
    if (instance->source <= 0) {
      fail(s, error);
      return nullptr;
    }
    *rc = SS_PLUGIN_SUCCESS;
    return instance.release();
  });
}

void plugin_close(ss_plugin_t*, ss_instance_t* h) {
  auto* instance = static_cast<Instance*>(h);
  if (!instance) return;
  if (const Python* python = running_python()) python->close(instance->source);
  delete instance;
}

ss_plugin_rc plugin_next_batch(ss_plugin_t* s, ss_instance_t* h, uint32_t* nevts,
                               ss_plugin_event*** evts) {
  *nevts = 0;
  *evts = nullptr;
  return guarded(s, SS_PLUGIN_FAILURE, [&] {
    auto* instance = static_cast<Instance*>(h);
    instance->batch.reset();
    void* made = nullptr;
    double progress = -1;
    char progress_text[256] = "";
    char error[4096] = "the Python code failed";
    int rc = running_python()->next(instance->source, &made, &progress, progress_text,
                                    sizeof(progress_text), error, sizeof(error));
    instance->batch.reset(batch(made));
    {
      std::lock_guard<std::mutex> guard(instance->progress_lock);
      instance->progress = progress;
      instance->progress_text = progress_text;
    }
    if (rc == SS_PLUGIN_FAILURE) return fail(s, error);
    if (rc == SS_PLUGIN_SUCCESS) {
      if (!instance->batch || instance->batch->count() == 0) return SS_PLUGIN_TIMEOUT;
      *nevts = static_cast<uint32_t>(instance->batch->count());
      *evts = instance->batch->events();
    }
    return static_cast<ss_plugin_rc>(rc);
  });
}

const char* plugin_get_progress(ss_plugin_t*, ss_instance_t* h, uint32_t* progress) {
  auto* instance = static_cast<Instance*>(h);
  *progress = 0;
  if (!instance) return nullptr;
  std::lock_guard<std::mutex> guard(instance->progress_lock);
  if (instance->progress >= 0) {
    *progress = static_cast<uint32_t>(std::lround(std::fmin(instance->progress, 1.0) * 10000));
  }
  if (instance->progress_text.empty()) return nullptr;
  instance->shown_progress = instance->progress_text;
  return instance->shown_progress.c_str();
}

}  // extern "C"
