// A host of the plugin API in plain C, as Falco loads plugins: dlopen with local symbols, no Python.
//
//   host PLUGIN.so fields                        the declared fields, as JSON
//   host PLUGIN.so read PARAMS CONFIG FIELD...   opens a source, prints events and fields
//   host PLUGIN.so extract EVENT.json CONFIG FIELD...   no source: fields of one given event
//
// A field is NAME, NAME[key] or NAME@index. Values come one a line, tab-separated.
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/host/falco_plugin_api.h"

#define MOST 64

static void *library;
static ss_plugin_extract_field wanted[MOST];
static unsigned wanted_count;
static const char *fields_json;

static void *need(const char *name) {
  void *found = dlsym(library, name);
  if (!found) {
    fprintf(stderr, "no symbol %s\n", name);
    exit(2);
  }
  return found;
}

static void print_log(ss_plugin_owner_t *owner, const char *component, const char *message,
                      ss_plugin_log_severity severity) {
  (void)owner;
  (void)component;
  fprintf(stderr, "log %d: %s\n", severity, message);
}

// The position of a field is the number of "name" keys before its own.
static int field_id(const char *name) {
  char quoted[256];
  snprintf(quoted, sizeof(quoted), "\"name\": \"%s\"", name);
  const char *found = strstr(fields_json, quoted);
  if (!found) return -1;
  int id = 0;
  for (const char *p = fields_json; (p = strstr(p, "\"name\": ")) && p < found; ++p) ++id;
  return id;
}

static void want(char *text) {
  ss_plugin_extract_field *field = &wanted[wanted_count++];
  memset(field, 0, sizeof(*field));
  char *bracket = strchr(text, '[');
  char *at = strchr(text, '@');
  if (bracket) {
    *bracket = '\0';
    field->arg_key = bracket + 1;
    field->arg_index = UINT64_MAX;  // as Falco does for a key
    bracket[strlen(bracket + 1)] = '\0';  // the last ']'
    field->arg_present = 1;
  } else if (at) {
    *at = '\0';
    field->arg_index = strtoull(at + 1, NULL, 10);
    field->arg_present = 1;
  }
  int id = field_id(text);
  if (id < 0) {
    fprintf(stderr, "no field %s\n", text);
    exit(2);
  }
  field->field = text;
  field->field_id = (uint32_t)id;
  field->ftype = FTYPE_STRING;
}

static int print_fields(ss_plugin_t *plugin, const ss_plugin_event *event, uint64_t number) {
  ss_plugin_rc (*extract)(ss_plugin_t *, const ss_plugin_event_input *,
                          const ss_plugin_field_extract_input *) = need("plugin_extract_fields");
  const char *(*last_error)(ss_plugin_t *) = need("plugin_get_last_error");
  ss_plugin_event_input input = {event, number, "k8s_audit"};
  ss_plugin_field_extract_input in;
  memset(&in, 0, sizeof(in));
  in.num_fields = wanted_count;
  in.fields = wanted;
  if (extract(plugin, &input, &in) != SS_PLUGIN_SUCCESS) {
    printf("failure: %s\n", last_error(plugin));
    return 1;
  }
  for (unsigned i = 0; i < wanted_count; ++i) {
    printf("%s", wanted[i].field);
    for (uint64_t k = 0; k < wanted[i].res_len; ++k) printf("\t%s", wanted[i].res.str[k]);
    printf("\n");
  }
  return 0;
}

static int read_source(ss_plugin_t *plugin, const char *params) {
  ss_instance_t *(*open_)(ss_plugin_t *, const char *, ss_plugin_rc *) = need("plugin_open");
  void (*close_)(ss_plugin_t *, ss_instance_t *) = need("plugin_close");
  ss_plugin_rc (*next)(ss_plugin_t *, ss_instance_t *, uint32_t *, ss_plugin_event ***) =
      need("plugin_next_batch");
  const char *(*last_error)(ss_plugin_t *) = need("plugin_get_last_error");
  const char *(*progress)(ss_plugin_t *, ss_instance_t *, uint32_t *) =
      need("plugin_get_progress");
  ss_plugin_rc rc = SS_PLUGIN_FAILURE;
  ss_instance_t *instance = open_(plugin, params, &rc);
  if (!instance || rc != SS_PLUGIN_SUCCESS) {
    fprintf(stderr, "open: %s\n", last_error(plugin));
    return 1;
  }
  uint64_t number = 0;
  int failed = 0;
  while (1) {
    uint32_t count = 0;
    ss_plugin_event **events = NULL;
    rc = next(plugin, instance, &count, &events);
    if (rc == SS_PLUGIN_EOF) break;
    if (rc == SS_PLUGIN_TIMEOUT) continue;
    if (rc != SS_PLUGIN_SUCCESS) {
      fprintf(stderr, "next: %s\n", last_error(plugin));
      failed = 1;
      break;
    }
    for (uint32_t i = 0; i < count; ++i) {
      printf("event %llu at %llu\n", (unsigned long long)++number,
             (unsigned long long)events[i]->ts);
      print_fields(plugin, events[i], number);
    }
  }
  uint32_t percent = 0;
  const char *words = progress(plugin, instance, &percent);
  fprintf(stderr, "progress %u %s\n", percent, words ? words : "");
  close_(plugin, instance);
  return failed;
}

static int extract_one(ss_plugin_t *plugin, const char *path) {
  FILE *file = fopen(path, "rb");
  if (!file) return 2;
  char *bytes = calloc(1, 1 << 20);
  size_t size = fread(bytes + FALCO_PLUGIN_PAYLOAD_OFFSET, 1,
                      (1 << 20) - FALCO_PLUGIN_PAYLOAD_OFFSET, file);
  fclose(file);
  ss_plugin_event *event = (ss_plugin_event *)bytes;
  event->ts = 1;
  event->tid = UINT64_MAX;
  event->len = (uint32_t)(FALCO_PLUGIN_PAYLOAD_OFFSET + size);
  event->type = FALCO_PLUGIN_EVENT_TYPE;
  event->nparams = 2;
  uint32_t rest[3] = {4, (uint32_t)size, 1};
  memcpy(bytes + sizeof(*event), rest, sizeof(rest));
  int rc = print_fields(plugin, event, 1);
  free(bytes);
  return rc;
}

int main(int argc, char **argv) {
  if (argc < 3) return 2;
  library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    fprintf(stderr, "%s\n", dlerror());
    return 2;
  }
  const char *(*get_fields)(void) = need("plugin_get_fields");
  fields_json = get_fields();
  if (!strcmp(argv[2], "fields")) {
    puts(fields_json);
    return 0;
  }
  if (argc < 5) return 2;
  ss_plugin_t *(*init)(const ss_plugin_init_input *, ss_plugin_rc *) = need("plugin_init");
  void (*destroy)(ss_plugin_t *) = need("plugin_destroy");
  const char *(*last_error)(ss_plugin_t *) = need("plugin_get_last_error");
  ss_plugin_init_input in = {argv[4], NULL, NULL, NULL, print_log};
  ss_plugin_rc rc = SS_PLUGIN_FAILURE;
  ss_plugin_t *plugin = init(&in, &rc);
  if (rc != SS_PLUGIN_SUCCESS) {
    fprintf(stderr, "init: %s\n", last_error(plugin));
    if (plugin) destroy(plugin);
    return 1;
  }
  for (int i = 5; i < argc && wanted_count < MOST; ++i) want(argv[i]);
  int result =
      strcmp(argv[2], "read") ? extract_one(plugin, argv[3]) : read_source(plugin, argv[3]);
  // Whether a Python was started in this process says something about the plugin.
  int (*initialized)(void) = (int (*)(void))dlsym(RTLD_DEFAULT, "Py_IsInitialized");
  fprintf(stderr, "python %s\n", initialized && initialized() ? "started" : "not started");
  destroy(plugin);
  dlclose(library);
  return result;
}
