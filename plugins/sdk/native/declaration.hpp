// What a plugin declares in Python, as the build writes it into C++.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "plugins/host/falco_plugin_api.h"

namespace fwb {

class FieldCall;
class Document;
class EventSink;

using FieldFunction = void (*)(FieldCall&);

// Turns one JSON value of a source's input into events; false with a problem in words.
using DocumentFunction = void (*)(const Document&, uint32_t token, EventSink&);

enum class How : uint8_t {
  kPointer,          // the value at a JSON pointer
  kPointerArgument,  // the value at the pointer given as argument
  kPath,             // every value at the path given as argument
  kDocument,         // the whole payload, indented
  kTime,             // the event's time in nanoseconds, as text
  kFunction,         // a function of the plugin's own C++
};

struct FieldDeclaration {
  const char* name;
  ss_plugin_field_type type;
  bool is_list;
  How how;
  const char* pointer;           // kPointer
  FieldFunction function;        // kFunction
  const char* when;              // pointer that must exist for any value, or null
  bool null_is_text;             // a JSON null is the text `null`; else no value
  const char* const* anchors;    // kFunction: pointers found in the one pass over the event
  size_t anchor_count;
  const std::string_view* parameters;  // kFunction: constants of the declaration
  size_t parameter_count;
  const char* needs;  // kFunction: pointer without which it is not called, or null
};

// Another name for what lies at a pointer, as first step of a path.
struct PathAlias {
  std::string_view name;
  const char* pointer;
};

struct OptionDeclaration {
  std::string_view name;
  char type;  // 's' string, 'i' whole number, 'b' boolean
};

struct PluginDeclaration {
  const char* name;
  const char* description;
  const char* contact;
  const char* version;
  const char* required_api_version;
  uint32_t id;
  const char* event_source;
  const char* extract_sources;  // JSON array
  const char* fields_json;
  const char* init_schema;
  const char* open_params;  // JSON array
  const FieldDeclaration* fields;
  size_t field_count;
  const PathAlias* aliases;
  size_t alias_count;
  const OptionDeclaration* options;
  size_t option_count;
  DocumentFunction on_document;  // null: every JSON value is an event of its own
};

// Where the interpreter and the plugin's Python code are, for the source.
struct PythonDeclaration {
  const char* version;        // "3.11"
  const char* library;        // "libpython3.11.so.1.0"
  const char* library_folder;
  const char* standard_library;
  const char* const* folders;           // absolute, in order
  const char* const* relative_folders;  // the same, from the folder of the .so; may be empty text
  size_t folder_count;
  const char* module;
  const char* class_name;
  const unsigned char* bridge;  // the inner library, made by cffi's embedding mode
  size_t bridge_size;
};

extern const PluginDeclaration kPlugin;
extern const PythonDeclaration kPython;

}  // namespace fwb
