// A plugin for tests: a source and every type of field, and every way of misbehaving on request.
//
// A payload is a decimal number, perhaps followed by a word that says how sample.bad behaves.
// Compiled with -D… it also stands for plugins that are wrong as a whole.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>
#include <unistd.h>
#include <vector>

#define FALCO_PLUGIN_EXPORTS
#include "falco_plugin_api.h"

#ifndef API
#define API "3.0.0"
#endif
#ifndef VERSION
#define VERSION "1.2.3"
#endif
#ifndef FIELDS_TAIL
#define FIELDS_TAIL ""
#endif

namespace {

struct State {
  std::string error;
  ss_plugin_owner_t* owner = nullptr;
  ss_plugin_log_fn_t log = nullptr;
  // Answers of the latest extraction.
  std::vector<std::vector<std::string>> texts;
  std::vector<std::vector<const char*>> pointers;
  std::vector<std::vector<uint64_t>> numbers;
  std::vector<std::vector<ss_plugin_bool>> flags;
  std::vector<std::vector<std::string>> bytes;
  std::vector<std::vector<ss_plugin_byte_buffer>> buffers;
  std::string shown;
};

struct Instance {
  uint64_t next = 0, count = 0, batch = 1;
  std::string end;
  bool waited = false;
  std::vector<std::string> memory;
  std::vector<ss_plugin_event*> events;
};

State* of(ss_plugin_t* s) { return static_cast<State*>(s); }

std::string make_event(uint64_t ts, uint32_t id, const std::string& payload) {
  ss_plugin_event header = {ts, UINT64_MAX, static_cast<uint32_t>(38 + payload.size()), 322, 2};
  uint32_t words[3] = {4, static_cast<uint32_t>(payload.size()), id};
  std::string event(reinterpret_cast<char*>(&header), sizeof header);
  event.append(reinterpret_cast<char*>(words), sizeof words);
  return event + payload;
}

int destroyed = 0;
int closed = 0;

}  // namespace

extern "C" {

const char* plugin_get_required_api_version(void) { return API; }
#ifndef NO_NAME
const char* plugin_get_name(void) { return "sample"; }
#endif
const char* plugin_get_description(void) { return "for\x1b[31m tests"; }
const char* plugin_get_contact(void) { return "tests"; }
const char* plugin_get_version(void) { return VERSION; }
uint32_t plugin_get_id(void) { return 999; }
#ifndef NO_SOURCE_NAME
const char* plugin_get_event_source(void) {
#ifdef SYSCALL
  return "syscall";
#else
  return "sample";
#endif
}
#endif

const char* plugin_get_init_schema(ss_plugin_schema_type* type) {
  *type = SS_PLUGIN_SCHEMA_JSON;
#ifdef SCHEMA
  return SCHEMA;
#else
  return R"({"$schema": "http://json-schema.org/draft-04/schema#", "type": "object",
    "properties": {"level": {"type": "integer"}, "mode": {"enum": ["quiet", "fail", "chatty"]},
      "password": {"type": "string"},
      "nested": {"type": "object", "properties": {"on": {"type": "boolean"}}, "required": ["on"]}},
    "additionalProperties": false})";
#endif
}

ss_plugin_t* plugin_init(const ss_plugin_init_input* in, ss_plugin_rc* rc) {
  auto* state = new State;
  state->owner = in->owner;
  state->log = in->log_fn;
  std::string config = in->config;
  if (config.find("\"fail\"") != std::string::npos) {
    state->error = "the sample was told to fail";
    *rc = SS_PLUGIN_FAILURE;
    return state;
  }
  if (config.find("\"chatty\"") != std::string::npos) {
    in->log_fn(in->owner, nullptr, "hello from init", SS_PLUGIN_LOG_SEV_WARNING);
    in->log_fn(in->owner, "part", config.c_str(), SS_PLUGIN_LOG_SEV_DEBUG);
    if (!in->tables->get_table(in->owner, "threads", SS_PLUGIN_ST_INT64))
      in->log_fn(in->owner, nullptr, in->get_owner_last_error(in->owner), SS_PLUGIN_LOG_SEV_INFO);
  }
  *rc = SS_PLUGIN_SUCCESS;
  return state;
}

void plugin_destroy(ss_plugin_t* s) {
  delete of(s);
  ++destroyed;
}

__attribute__((visibility("default"))) int sample_destroyed(void) { return destroyed; }
__attribute__((visibility("default"))) int sample_closed(void) { return closed; }

const char* plugin_get_last_error(ss_plugin_t* s) { return of(s)->error.c_str(); }

const char* plugin_list_open_params(ss_plugin_t*, ss_plugin_rc* rc) {
  *rc = SS_PLUGIN_SUCCESS;
  return R"([{"value": "10 2 eof", "desc": "ten events", "separator": ","}, {"value": "1 1 fail"}])";
}

ss_instance_t* plugin_open(ss_plugin_t* s, const char* params, ss_plugin_rc* rc) {
  auto* instance = new Instance;
  char end[32] = "";
  if (sscanf(params, "%lu %lu %31s", &instance->count, &instance->batch, end) != 3) {
    of(s)->error = std::string("cannot open '") + params + "'";
    delete instance;
    *rc = SS_PLUGIN_FAILURE;
    return nullptr;
  }
  instance->end = end;
  *rc = SS_PLUGIN_SUCCESS;
  return instance;
}

#ifndef NO_CLOSE
void plugin_close(ss_plugin_t*, ss_instance_t* h) {
  delete static_cast<Instance*>(h);
  ++closed;
}
#endif

const char* plugin_get_progress(ss_plugin_t* s, ss_instance_t* h, uint32_t* progress) {
  auto* instance = static_cast<Instance*>(h);
  *progress = static_cast<uint32_t>(instance->next * 10000 / instance->count);
  of(s)->shown = std::to_string(instance->next) + " of " + std::to_string(instance->count);
  return of(s)->shown.c_str();
}

ss_plugin_rc plugin_next_batch(ss_plugin_t* s, ss_instance_t* h, uint32_t* nevts,
                               ss_plugin_event*** evts) {
  auto* i = static_cast<Instance*>(h);
  i->memory.clear();
  i->events.clear();
  while (i->memory.size() < i->batch && i->next < i->count) {
    uint64_t n = i->next++;
    i->memory.push_back(
        make_event(i->end == "now" ? UINT64_MAX : 1700000000000000000u + n, 0, std::to_string(n)));
  }
  bool done = i->next == i->count;
  if (i->end == "hang" && i->memory.empty()) {
    while (i->waited) pause();
    i->waited = true;
    return SS_PLUGIN_TIMEOUT;
  }
  if (i->end == "hang") done = false;
  if (done && !i->memory.empty()) {
    std::string& last = i->memory.back();
    auto* header = reinterpret_cast<ss_plugin_event*>(last.data());
    auto* words = reinterpret_cast<uint32_t*>(last.data() + sizeof(ss_plugin_event));
    if (i->end == "type") header->type = 402;
    if (i->end == "params") header->nparams = 3;
    if (i->end == "short") header->len = 12;
    if (i->end == "huge") header->len = UINT32_MAX;
    if (i->end == "lengths") words[1] = 4000000000u;
    if (i->end == "id") words[2] = 7;
    if (i->end == "far") header->ts = UINT64_MAX - 1;
  }
  for (auto& memory : i->memory)
    i->events.push_back(reinterpret_cast<ss_plugin_event*>(memory.data()));
  if (done && i->end == "null") i->events.back() = nullptr;
  *nevts = static_cast<uint32_t>(i->events.size());
  *evts = i->events.data();
  if (done && i->end == "nulls") *evts = nullptr;
  if (done && i->end == "many") *nevts = 4000000000u;
  if (done && i->end == "throw") throw std::runtime_error("thrown by next_batch");
  if (!done) return SS_PLUGIN_SUCCESS;
  of(s)->error = "the sample's source broke";
  if (i->end == "fail") return SS_PLUGIN_FAILURE;
  if (i->end == "timeout") return SS_PLUGIN_TIMEOUT;
  if (i->end == "none") return SS_PLUGIN_SUCCESS;
  if (i->end == "strange") return static_cast<ss_plugin_rc>(77);
  return SS_PLUGIN_EOF;
}

const char* plugin_event_to_string(ss_plugin_t* s, const ss_plugin_event_input* in) {
  const char* payload = reinterpret_cast<const char*>(in->evt) + 38;
  std::string text(payload, in->evt->len - 38);
  if (text == "silent" || text == "\x01") return nullptr;
  of(s)->shown = std::string(in->evtsrc) + " " + std::to_string(in->evtnum) + ": " + text;
  return of(s)->shown.c_str();
}

const char* plugin_get_fields(void) {
  return R"([
  {"type": "string", "name": "sample.text", "desc": "the payload", "addOutput": true},
  {"type": "uint64", "name": "sample.number", "desc": "the number", "display": "Number"},
  {"type": "bool", "name": "sample.even", "desc": "whether it is even"},
  {"type": "reltime", "name": "sample.elapsed", "desc": "the number as a span"},
  {"type": "abstime", "name": "sample.when", "desc": "the time"},
  {"type": "ipaddr", "name": "sample.ip", "desc": "an address"},
  {"type": "ipnet", "name": "sample.net", "desc": "a network"},
  {"type": "string", "name": "sample.words", "isList": true, "desc": "words"},
  {"type": "uint64", "name": "sample.numbers", "isList": true, "desc": "numbers"},
  {"type": "bool", "name": "sample.flags", "isList": true, "desc": "booleans"},
  {"type": "ipaddr", "name": "sample.ips", "isList": true, "desc": "addresses"},
  {"type": "string", "name": "sample.key", "arg": {"isRequired": true, "isKey": true}, "desc": "key",
   "properties": ["path", "hidden"]},
  {"type": "uint64", "name": "sample.index", "arg": {"isIndex": true}, "desc": "the index"},
  {"type": "string", "name": "sample.both", "arg": {"isIndex": true, "isKey": true}, "desc": "both"},
  {"type": "string", "name": "sample.bad", "desc": "misbehaves"},
  {"type": "string", "name": "sample.bad_list", "isList": true, "desc": "misbehaves"},
  {"type": "ipaddr", "name": "sample.bad_ip", "desc": "misbehaves"},
  {"type": "string", "name": "sample.input", "desc": "what the host passed along"}
)" FIELDS_TAIL "]";
}

#ifdef EXTRACT_SOURCES
const char* plugin_get_extract_event_sources(void) { return EXTRACT_SOURCES; }
#endif
#ifdef EXTRACT_TYPES
uint16_t* plugin_get_extract_event_types(uint32_t* count, ss_plugin_t*) {
  static uint16_t types[] = {EXTRACT_TYPES};
  *count = sizeof types / sizeof types[0];
  return types;
}
#endif

static int misbehave(State* state, const std::string& how, ss_plugin_extract_field& field) {
  static const char* nulls[2] = {nullptr, nullptr};
  static const char* two[2] = {"a", "b"};
  static ss_plugin_byte_buffer address = {5, "abcde"};
  static ss_plugin_byte_buffer missing = {4, nullptr};
  if (how == "fail") {
    state->error = "the sample cannot say";
    return SS_PLUGIN_FAILURE;
  }
  if (how == "throw") throw std::runtime_error("thrown by extract_fields");
  if (how == "null") {
    field.res_len = 1;
    field.res.str = nullptr;
  } else if (how == "nullstr") {
    field.res_len = 1;
    field.res.str = nulls;
  } else if (how == "two") {
    field.res_len = 2;
    field.res.str = two;
  } else if (how == "absurd") {
    field.res_len = UINT64_MAX / 2;
    field.res.str = two;
  } else if (how == "address") {
    field.res_len = 1;
    field.res.buf = &address;
  } else if (how == "nulladdress") {
    field.res_len = 1;
    field.res.buf = &missing;
  }
  return SS_PLUGIN_SUCCESS;
}

ss_plugin_rc plugin_extract_fields(ss_plugin_t* s, const ss_plugin_event_input* evt,
                                   const ss_plugin_field_extract_input* in) {
  State* state = of(s);
  const uint32_t wanted = in->num_fields;
  state->texts.assign(wanted, {});
  state->pointers.assign(wanted, {});
  state->numbers.assign(wanted, {});
  state->flags.assign(wanted, {});
  state->bytes.assign(wanted, {});
  state->buffers.assign(wanted, {});
  const char* payload = reinterpret_cast<const char*>(evt->evt) + 38;
  std::string text(payload, evt->evt->len - 38);
  char* rest = nullptr;
  uint64_t n = strtoul(text.c_str(), &rest, 10);
  std::string how = *rest ? rest + 1 : "";
  std::string v4("\x0a\x00\x00", 3), v6(15, '\x20');
  v4 += static_cast<char>(n % 256);
  v6 += static_cast<char>(n % 256);
  for (uint32_t i = 0; i < wanted; ++i) {
    ss_plugin_extract_field& field = in->fields[i];
    std::string name = field.field + strlen("sample.");
    auto& texts = state->texts[i];
    auto& numbers = state->numbers[i];
    auto& flags = state->flags[i];
    auto& bytes = state->bytes[i];
    if (name == "text" && !text.empty()) texts.push_back(text);
    if (name == "number" && n != 13) numbers.push_back(n);
    if (name == "even" && n != 13) flags.push_back(n % 2 ? 0 : 256);
    if (name == "elapsed") numbers.push_back(n * 1000);
    if (name == "when") numbers.push_back(evt->evt->ts);
    if (name == "ip" || name == "net") bytes.push_back(n % 2 ? v6 : v4);
    if (name == "words")
      for (uint64_t k = 0; k < n % 4; ++k) texts.push_back("word" + std::to_string(k * n % 7));
    if (name == "numbers")
      for (uint64_t k = 0; k < n % 5; ++k) numbers.push_back(n + k);
    if (name == "flags")
      for (uint64_t k = 0; k < n % 11; ++k) flags.push_back((n + k) % 3 == 0);
    if (name == "ips")
      for (uint64_t k = 0; k < n % 3; ++k) bytes.push_back(k ? v4 : v6);
    if (name == "key") texts.push_back(field.arg_key);
    if (name == "index" && field.arg_present) numbers.push_back(field.arg_index);
    if (name == "both")
      texts.push_back(std::string(field.arg_key ? field.arg_key : "-") + "/" +
                      std::to_string(field.arg_index) + "/" + std::to_string(field.arg_present));
    if (name == "input")
      texts.push_back(std::string(evt->evtsrc) + "/" + std::to_string(evt->evtnum) + "/" +
                      std::to_string(field.field_id) + "/" + std::to_string(field.ftype) + "/" +
                      std::to_string(field.flist) + "/" + std::to_string(in->num_fields) + "/" +
                      std::to_string(in->table_reader_ext->get_table_size(nullptr)));
    if (name.compare(0, 3, "bad") == 0) {
      if (misbehave(state, how, field) != SS_PLUGIN_SUCCESS) return SS_PLUGIN_FAILURE;
      continue;
    }
    for (auto& t : texts) state->pointers[i].push_back(t.c_str());
    for (auto& b : bytes)
      state->buffers[i].push_back({static_cast<uint32_t>(b.size()), b.data()});
    if (!texts.empty()) {
      field.res.str = state->pointers[i].data();
      field.res_len = texts.size();
    } else if (!numbers.empty()) {
      field.res.u64 = numbers.data();
      field.res_len = numbers.size();
    } else if (!flags.empty()) {
      field.res.boolean = flags.data();
      field.res_len = flags.size();
    } else if (!bytes.empty()) {
      field.res.buf = state->buffers[i].data();
      field.res_len = bytes.size();
    }
  }
  return SS_PLUGIN_SUCCESS;
}

#ifdef EVERYTHING
uint16_t* plugin_get_parse_event_types(uint32_t* count, ss_plugin_t*) {
  *count = 0;
  return nullptr;
}
const char* plugin_get_parse_event_sources(void) { return "[\"syscall\"]"; }
ss_plugin_rc plugin_parse_event(ss_plugin_t*, const ss_plugin_event_input*,
                                const ss_plugin_event_parse_input*) {
  return SS_PLUGIN_SUCCESS;
}
const char* plugin_get_async_event_sources(void) { return "[]"; }
const char* plugin_get_async_events(void) { return "[\"ping\"]"; }
ss_plugin_rc plugin_set_async_event_handler(ss_plugin_t*, ss_plugin_owner_t*,
                                            const ss_plugin_async_event_handler_t) {
  return SS_PLUGIN_SUCCESS;
}
ss_plugin_rc plugin_capture_open(ss_plugin_t*, const ss_plugin_capture_listen_input*) {
  return SS_PLUGIN_SUCCESS;
}
ss_plugin_rc plugin_capture_close(ss_plugin_t*, const ss_plugin_capture_listen_input*) {
  return SS_PLUGIN_SUCCESS;
}
ss_plugin_metric* plugin_get_metrics(ss_plugin_t*, uint32_t* count) {
  *count = 0;
  return nullptr;
}
ss_plugin_rc plugin_set_config(ss_plugin_t*, const ss_plugin_set_config_input*) {
  return SS_PLUGIN_SUCCESS;
}
const char* plugin_get_required_event_schema_version(ss_plugin_t*) { return "4.1.0"; }
#endif

}  // extern "C"
